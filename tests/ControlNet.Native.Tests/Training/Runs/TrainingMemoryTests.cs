using System;
using ControlNet.Native.Tensors;
using ControlNet.Native.Training;
using Xunit;

namespace ControlNet.Native.Tests.Training;

/// <summary>What is said before the first step is what is measured after the last.</summary>
public sealed class TrainingMemoryTests : IDisposable
{
    private readonly TrainingSandbox _box = new();

    public void Dispose() => _box.Dispose();

    [Fact]
    public void Activations_that_are_not_F32_are_refused()
    {
        LoadOptions halves = new() { Activations = DType.F16 };
        Assert.Equal(
            "Activations is F16, but training computes with F32 activations; leave it out",
            Assert.Throws<TrainingOptionsException>(() => ControlNetTrainer.EstimateMemory(
                TrainingSandbox.Base, _box.Data(true), _box.Device, TrainingSandbox.Net, halves)).Message);
    }

    [Theory]
    [InlineData("control", false)]
    [InlineData("control", true)]
    [InlineData("unet", false)]
    [InlineData("vae", false)]
    public void The_estimate_is_within_a_tenth(string part, bool recompute)
    {
        TrainingOptions options = part switch
        {
            "control" => TrainingSandbox.Net,
            "unet" => TrainingSandbox.Unet,
            _ => TrainingSandbox.Vae,
        };
        options = options with
        {
            Width = 128,
            Height = 128,
            BatchSize = 8,
            Steps = 2,
            EmaDecay = 0.9,
            PreviewEvery = 1,
            Recompute = recompute,
        };
        TrainingFolder data = _box.Data(part == "control");
        TrainingMemory memory = options switch
        {
            ControlNetTrainingOptions net =>
                ControlNetTrainer.EstimateMemory(TrainingSandbox.Base, data, _box.Device, net),
            DenoiserTrainingOptions unet => BaseTrainer.EstimateMemory(TrainingSandbox.Base, data, _box.Device, unet),
            _ => BaseTrainer.EstimateMemory(
                TrainingSandbox.Base, data, _box.Device, (AutoencoderTrainingOptions)options),
        };
        Assert.Equal(0, _box.Device.PeakBytes);
        _box.Train(options, "run");
        Assert.InRange((double)memory.PeakBytes / _box.Device.PeakBytes, 0.95, 1.05);
        Assert.True(memory.WeightBytes > 0 && memory.StateBytes > 0);
    }

    [Fact]
    public void What_does_not_fit_is_refused_with_the_bytes_it_needs()
    {
        TrainingMemory memory = new(1 << 20, 1 << 20, 4 << 20, 1 << 20);
        memory.Require(5 << 20, TrainingSandbox.Net);
        MemoryBudgetException e = Assert.Throws<MemoryBudgetException>(
            () => memory.Require((5 << 20) - 1, TrainingSandbox.Net));
        Assert.Equal(
            "training takes 5242880 bytes (5.0 MiB), but 5242879 (5.0 MiB) are there; what helps: Recompute, a " +
            "smaller BatchSize with more Accumulation, a smaller size, frozen weights as F16 (WeightStorage), " +
            "ClipNorm 0, no caches, more memory",
            e.Message);
        Assert.Equal("5.0 MiB: weights 1.0 MiB, optimiser 1.0 MiB, a step 2.0 MiB, caches 1.0 MiB", memory.ToString());
    }

    [Fact]
    public void Caches_are_counted()
    {
        ControlNetTrainingOptions options = TrainingSandbox.Net with { CacheLatents = true };
        TrainingFolder data = _box.Data(true);
        TrainingMemory memory = ControlNetTrainer.EstimateMemory(TrainingSandbox.Base, data, _box.Device, options);
        Assert.Equal(6 * 2 * 4 * 4 * 4 * sizeof(float), memory.CacheBytes);
    }
}
