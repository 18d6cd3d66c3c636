using System;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using Xunit;
using Xunit.Abstractions;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>Whole generations with activations in F16, against those in F32 of the same device.</summary>
[Collection(OpenClUnderTest.Collection)]
public sealed class HalfPipelineTests(ITestOutputHelper output)
{
    /// <summary>Least ratio of the range of an image to the error, in decibel.</summary>
    private const double LeastRatio = 40;

    private static readonly LoadOptions s_halves = new() { Activations = DType.F16 };

    [Theory]
    [InlineData(TinyPipeline.Sd1, true)]
    [InlineData(TinyPipeline.Sd1, false)]
    [InlineData(TinyPipeline.Sd2, false)]
    public void Images_are_those_of_F32(string name, bool control)
    {
        if (OpenClUnderTest.Find(output) is not { } gpu)
        {
            return;
        }

        using Device device = Devices.Open(gpu.Name);
        GeneratedImage floats = Generate(device, name, control, new LoadOptions());
        GeneratedImage halves = Generate(device, name, control, s_halves);
        double ratio = PeakRatio(floats.Decoded.Span, halves.Decoded.Span);
        output.WriteLine($"{ratio:0.0} dB");
        Assert.True(ratio >= LeastRatio, $"{ratio:0.0} dB");
        TinyPipeline.AssertDifferent(floats, halves);
        TinyPipeline.AssertSame(halves, Generate(device, name, control, s_halves));
        Assert.Equal(0, device.BlocksInUse);
    }

    [Fact]
    public void The_estimate_is_what_a_generation_takes()
    {
        if (OpenClUnderTest.Find(output) is not { } gpu)
        {
            return;
        }

        using Device device = Devices.Open(gpu.Name);
        ImageRequest request = TinyPipeline.Request with { Width = 192, Height = 128, Steps = 2 };
        using StableDiffusion model =
            StableDiffusion.Load(TinyPipeline.ModelPath(TinyPipeline.Sd1), device, s_halves);
        MemoryEstimate estimate = model.EstimateMemory(request);
        Assert.Equal(model.WeightBytes, estimate.WeightBytes);
        _ = model.Generate(request);
        Assert.InRange(
            device.PeakBytesInUse, estimate.PeakBytesInUse * 9 / 10, estimate.PeakBytesInUse * 11 / 10);
        using Device planner = device.ForPlanning();
        using StableDiffusion floats = StableDiffusion.Load(TinyPipeline.ModelPath(TinyPipeline.Sd1), planner);
        long most = floats.EstimateMemory(request).PeakBytesInUse - floats.WeightBytes;
        Assert.InRange(estimate.PeakBytesInUse - estimate.WeightBytes, 0, most * 7 / 10);
    }

    [Fact]
    public void A_network_of_another_type_is_refused()
    {
        if (OpenClUnderTest.Find(output) is not { } gpu)
        {
            return;
        }

        using Device device = Devices.Open(gpu.Name);
        using Device planner = device.ForPlanning();
        using StableDiffusion model =
            StableDiffusion.Load(TinyPipeline.ModelPath(TinyPipeline.Sd1), planner, s_halves);
        using ControlNetModel net = TinyPipeline.LoadNet(planner);
        ImageRequest request = TinyPipeline.Request with
        {
            Controls = [new ControlInput { Net = net, Image = TinyPipeline.Hint(40, 24) }],
        };
        Assert.Equal(
            "the ControlNet controlnet-tiny-canny computes with F32 activations, sd1-tiny with F16; load both with " +
            "the same",
            Assert.Throws<RequestException>(() => model.Generate(request)).Message);
        LoadOptions floats = s_halves with { WeightStorage = DType.F32 };
        Assert.Equal(
            "WeightStorage is F32, but F16 activations are multiplied with F16 weights; leave it out, or choose F32 " +
            "activations",
            Assert.Throws<Weights.CheckpointException>(
                () => StableDiffusion.Load(TinyPipeline.ModelPath(TinyPipeline.Sd1), planner, floats)).Message);
    }

    [Fact]
    public void The_CPU_refuses_before_anything_is_read()
    {
        using Device cpu = Devices.Cpu(1);
        Assert.StartsWith(
            "cpu does not compute with F16 activations; ",
            Assert.Throws<DeviceException>(
                () => StableDiffusion.Load(TinyPipeline.ModelPath(TinyPipeline.Sd1), cpu, s_halves)).Message);
        Assert.Throws<DeviceException>(
            () => ControlNetModel.Load(
                TinyPipeline.ModelPath(TinyPipeline.Canny), cpu, activations: DType.F16));
        Assert.Equal(0, cpu.BlocksInUse);
    }

    private static GeneratedImage Generate(Device device, string name, bool control, LoadOptions options)
    {
        using StableDiffusion model = StableDiffusion.Load(TinyPipeline.ModelPath(name), device, options);
        if (!control)
        {
            return model.Generate(TinyPipeline.Request);
        }

        using ControlNetModel net = ControlNetModel.Load(
            TinyPipeline.ModelPath(TinyPipeline.Canny), device, activations: options.Activations);
        return model.Generate(TinyPipeline.Request with
        {
            Controls = [new ControlInput { Net = net, Image = TinyPipeline.Hint(40, 24) }],
        });
    }

    /// <summary>Peak signal to noise of images in [-1, 1].</summary>
    private static double PeakRatio(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        double squares = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            double off = (double)actual[i] - expected[i];
            squares += off * off;
        }

        return 10 * Math.Log10(4 * expected.Length / squares);
    }
}
