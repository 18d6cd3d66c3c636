using System;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Pipeline;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Weights;
using ControlNet.Verification;
using ControlNet.Verification.Checks;
using Xunit;
using Xunit.Abstractions;

namespace ControlNet.Native.Tests.Loras;

/// <summary>LoRA of whole models: images, memory, what an image says of them.</summary>
[Collection(OpenClUnderTest.Collection)]
public sealed class LoraPipelineTests(ITestOutputHelper output) : IDisposable
{
    private readonly Device _device = Devices.Cpu(2);

    public void Dispose()
    {
        Assert.Equal((0L, 0L), (_device.BlocksInUse, _device.BytesInUse));
        _device.Dispose();
    }

    [Fact]
    public void An_image_shows_them_while_they_are_applied_and_says_so()
    {
        using StableDiffusion model = TinyPipeline.Load(_device);
        GeneratedImage plain = model.Generate(TinyPipeline.Request);
        Assert.DoesNotContain("Lora:", plain.Parameters, StringComparison.Ordinal);
        using Lora kohya = LoraFiles.Open(LoraFiles.Kohya), locon = LoraFiles.Open(LoraFiles.Locon);
        LoraReport report = model.ApplyLora(kohya, 0.8f, strict: true);
        Assert.Equal((192, 24), (report.AppliedTo[LoraNetwork.Unet], report.AppliedTo[LoraNetwork.Text]));
        GeneratedImage one = model.Generate(TinyPipeline.Request);
        TinyPipeline.AssertDifferent(plain, one);
        Assert.Contains(", Lora: \"kohya:0.8\"", one.Parameters, StringComparison.Ordinal);
        model.ApplyLora(locon, -1f);
        model.ApplyLora(kohya, 0.8f, textScale: 0f);
        GeneratedImage both = model.Generate(TinyPipeline.Request);
        TinyPipeline.AssertDifferent(one, both);
        Assert.Contains(", Lora: \"kohya:0:0.8, kohya-locon:-1\"", both.Parameters, StringComparison.Ordinal);
        Assert.True(model.RemoveLora(kohya));
        Assert.True(model.RemoveLora(locon));
        Assert.False(model.RemoveLora(locon));
        Assert.Empty(model.Loras);
        TinyPipeline.AssertSame(plain, model.Generate(TinyPipeline.Request));
    }

    [Fact]
    public void One_of_the_text_encoder_alone_acts_through_the_prompt()
    {
        using StableDiffusion model = TinyPipeline.Load(_device);
        GeneratedImage plain = model.Generate(TinyPipeline.Request);
        using Lora lora = LoraFiles.Of(
            LoraFiles.Renamed(LoraFiles.Kohya, name => name).Where(
                item => item.Name.StartsWith("lora_te_", StringComparison.Ordinal)));
        Assert.Equal(0, model.ApplyLora(lora, strict: true).AppliedTo[LoraNetwork.Unet]);
        TinyPipeline.AssertDifferent(plain, model.Generate(TinyPipeline.Request));
        Assert.Same(lora, Assert.Single(model.Loras).Lora);
    }

    [Fact]
    public void The_estimate_counts_them()
    {
        ImageRequest request = TinyPipeline.Request with { Width = 128, Height = 64 };
        using StableDiffusion model = TinyPipeline.Load(_device);
        using ControlNetModel net = TinyPipeline.LoadNet(_device);
        request = request with { Controls = [new ControlInput { Net = net, Image = TinyPipeline.Hint(50, 40) }] };
        long before = model.EstimateMemory(request).WeightBytes;
        using (Lora lora = LoraFiles.Open(LoraFiles.Kohya), locon = LoraFiles.Open(LoraFiles.Locon))
        {
            model.ApplyLora(lora);
            model.ApplyLora(locon);
            net.ApplyLora(lora);
        }

        // The files are closed by now.
        MemoryEstimate estimate = model.EstimateMemory(request);
        Assert.Equal(model.WeightBytes + net.ParameterBytes, estimate.WeightBytes);
        Assert.True(estimate.WeightBytes > before);
        _ = model.Generate(request);
        Assert.InRange(
            _device.PeakBytesInUse, estimate.PeakBytesInUse * 9 / 10, estimate.PeakBytesInUse * 11 / 10);
        Assert.InRange(_device.PeakBytes, estimate.PeakBytes * 9 / 10, estimate.PeakBytes * 11 / 10);
    }

    [Fact]
    public void One_of_another_base_model_leaves_the_model_as_it_was()
    {
        using StableDiffusion model = TinyPipeline.Load(_device, TinyPipeline.Sd2);
        long blocks = _device.BlocksInUse;
        using Lora lora = LoraFiles.Open(LoraFiles.Kohya);
        Assert.Contains(
            "the LoRA was made for another base model",
            Assert.Throws<CheckpointException>(() => model.ApplyLora(lora)).Message, StringComparison.Ordinal);
        Assert.Empty(model.Loras);
        Assert.Equal(blocks, _device.BlocksInUse);
    }

    [Fact]
    public void On_an_OpenCL_device_outputs_are_those_of_the_reference()
    {
        if (OpenClUnderTest.Find(output) is not { } gpu)
        {
            return;
        }

        using Device device = Devices.Open(gpu.Name);
        GoldenResult[] results =
            [.. new LoraCheck().Run(new GoldenContext(Repository.Golden(), device), "outputs/lora.safetensors")];
        output.WriteLine($"{results.Length} comparisons, worst {results.Max(r => r.Error):e2}");
        Assert.Equal(16, results.Length);
        Assert.All(results, result => Assert.True(result.Passed, $"{result.Case}: {result.Error:e2} {result.Problem}"));
        Assert.Equal(0, device.BlocksInUse);
    }
}
