using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;
using Xunit;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>What a caller hears while it waits.</summary>
public sealed class ProgressTests : IDisposable
{
    private readonly Device _device = Devices.Cpu(2);
    private readonly StableDiffusion _model;

    public ProgressTests() => _model = TinyPipeline.Load(_device);

    public void Dispose()
    {
        _model.Dispose();
        Assert.Equal(0, _device.BlocksInUse);
        _device.Dispose();
    }

    [Theory]
    [InlineData(SamplerKind.Pndm, 5, 6)]
    [InlineData(SamplerKind.Pndm, 1, 1)]
    [InlineData(SamplerKind.Ddim, 5, 5)]
    [InlineData(SamplerKind.EulerAncestral, 4, 4)]
    [InlineData(SamplerKind.Heun, 4, 7)]
    [InlineData(SamplerKind.UniPc, 1, 1)]
    public void One_report_for_each_call_of_the_UNet(SamplerKind sampler, int steps, int calls)
    {
        List<GenerationProgress> heard = [];
        int thread = Environment.CurrentManagedThreadId;
        Reports<GenerationProgress> reports = new(p =>
        {
            Assert.Equal(thread, Environment.CurrentManagedThreadId);
            heard.Add(p);
        });
        GeneratedImage image = _model.Generate(TinyPipeline.Request with { Sampler = sampler, Steps = steps }, reports);
        Assert.Equal(Enumerable.Range(1, calls), heard.Select(p => p.Completed));
        Assert.All(heard, p => Assert.Equal(calls, p.Total));
        Assert.All(heard, p => Assert.InRange(p.Timestep, 0, 999));
        for (int i = 1; i < calls; i++)
        {
            Assert.True(heard[i].Timestep <= heard[i - 1].Timestep);
            Assert.True(heard[i].Elapsed >= heard[i - 1].Elapsed);
        }

        // PNDM's and Heun's second visit apart, every report is nearer to the image.
        Assert.InRange(heard.Select(p => p.Timestep).Distinct().Count(), steps, calls);
        Assert.True(heard[^1].Elapsed <= image.Elapsed);
    }

    [Fact]
    public void Latents_are_copied_inside_a_report_and_only_there()
    {
        List<float[]> copies = [];
        GenerationProgress? kept = null;
        Reports<GenerationProgress> reports = new(p =>
        {
            kept?.CopyLatentsIsRefused();
            kept = p;
            copies.Add(p.CopyLatents());
        });
        GeneratedImage image = _model.Generate(TinyPipeline.Request, reports);
        kept!.CopyLatentsIsRefused();
        Assert.Equal(3, copies.Count);
        Assert.All(copies, copy => Assert.Equal(4 * 3 * 5, copy.Length));
        Assert.NotEqual(copies[0], copies[1]);
        Assert.Equal(image.Latents.ToArray(), copies[^1]);
        TinyPipeline.AssertSame(image, _model.Generate(TinyPipeline.Request));
    }

    [Fact]
    public void Copies_take_no_memory_of_the_device()
    {
        List<long> blocks = [];
        Reports<GenerationProgress> reports = new(p =>
        {
            long before = _device.BlocksInUse;
            for (int i = 0; i < 5; i++)
            {
                _ = p.CopyLatents();
            }

            Assert.Equal(before, _device.BlocksInUse);
            blocks.Add(before);
        });
        _ = _model.Generate(TinyPipeline.Request with { Steps = 6, Sampler = SamplerKind.Ddim }, reports);
        Assert.All(blocks, count => Assert.Equal(blocks[0], count));
    }

    [Fact]
    public void A_report_may_generate_itself()
    {
        GeneratedImage? inner = null;
        Reports<GenerationProgress> reports = new(
            p => inner ??= _model.Generate(TinyPipeline.Request with { Seed = 3 }));
        GeneratedImage outer = _model.Generate(TinyPipeline.Request, reports);
        TinyPipeline.AssertSame(_model.Generate(TinyPipeline.Request), outer);
        TinyPipeline.AssertSame(_model.Generate(TinyPipeline.Request with { Seed = 3 }), inner!);
    }

    [Theory]
    [InlineData(TinyPipeline.Sd1, "text encoder", "unet", "vae")]
    [InlineData(TinyPipeline.Sd2, "text encoder", "unet", "vae")]
    [InlineData(TinyPipeline.Canny, "controlnet")]
    public void Loading_ends_at_the_total(string name, params string[] components)
    {
        List<LoadProgress> heard = [];
        Reports<LoadProgress> reports = new(heard.Add);
        using IDisposable loaded = name == TinyPipeline.Canny
            ? ControlNetModel.Load(TinyPipeline.ModelPath(name), _device, progress: reports)
            : StableDiffusion.Load(TinyPipeline.ModelPath(name), _device, progress: reports);
        Assert.Equal(components, heard.Select(p => p.Component).Distinct());
        Assert.Single(heard.Select(p => p.BytesTotal).Distinct());
        long before = 0;
        foreach (LoadProgress p in heard)
        {
            Assert.True(p.BytesRead > before);
            before = p.BytesRead;
        }

        Assert.Equal(heard[^1].BytesTotal, heard[^1].BytesRead);
    }
}

/// <content>Assertions on a report.</content>
internal static class GenerationProgressAssertions
{
    public static void CopyLatentsIsRefused(this GenerationProgress late) => Assert.Equal(
        "the latents have moved on; copy them inside IProgress.Report",
        Assert.Throws<InvalidOperationException>(() => late.CopyLatents()).Message);
}
