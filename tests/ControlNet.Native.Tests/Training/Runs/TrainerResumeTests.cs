using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ControlNet.Native.Tensors;
using ControlNet.Native.Training;
using Xunit;

namespace ControlNet.Native.Tests.Training;

/// <summary>A run that was stopped ends with the bits of one that was not.</summary>
public sealed class TrainerResumeTests : IDisposable
{
    private readonly TrainingSandbox _box = new();

    public void Dispose() => _box.Dispose();

    public static TheoryData<string> Ways() => ["control", "control fused", "control unlocked", "unet", "vae fused"];

    [Theory]
    [MemberData(nameof(Ways))]
    public void Stopped_twice_and_resumed(string way)
    {
        TrainingOptions options = Options(way);
        _box.Train(options, "whole");
        _box.Train(options with { Steps = 2 }, "cut");
        StopAfter(options, "cut", 3);
        _box.Train(options, "cut", resume: true);
        _box.AssertSame("whole", "cut");
    }

    [Fact]
    public void Any_number_of_threads()
    {
        foreach (int threads in (int[])[1, 2, 3])
        {
            using Device device = Devices.Cpu(threads);
            _box.Train(Options("control"), $"control-{threads}", device: device);
            _box.Train(Options("unet"), $"unet-{threads}", device: device);
            _box.Train(Options("vae fused"), $"vae-{threads}", device: device);
        }

        foreach (string part in (string[])["control", "unet", "vae"])
        {
            _box.AssertSame($"{part}-1", $"{part}-2");
            _box.AssertSame($"{part}-1", $"{part}-3");
        }
    }

    [Fact]
    public void Recomputed_and_cached_are_the_same_bits()
    {
        TrainingOptions options = Options("control");
        _box.Train(options, "plain");
        _box.Train(options with { Recompute = true, CacheLatents = true, CacheText = true }, "saving");
        _box.AssertSame("plain", "saving");
    }

    [Fact]
    public void Samples_change_nothing_of_the_weights()
    {
        TrainingOptions options = Options("vae fused");
        _box.Train(options, "blind");
        _box.Train(options with { PreviewEvery = 1 }, "seen");
        Dictionary<string, string> blind = _box.Left("blind");
        Dictionary<string, string> seen = _box.Left("seen");
        Assert.All(blind.Keys.Where(name => name != "metrics"), name => Assert.Equal(blind[name], seen[name]));
        Assert.True(File.Exists(_box.Path("seen/samples/step-00000005.png")));
    }

    [Fact]
    public void A_damaged_newest_checkpoint_is_passed_over()
    {
        TrainingOptions options = Options("vae fused");
        _box.Train(options, "whole");
        _box.Train(options with { Steps = 4 }, "cut");
        string weights = _box.Path("cut/checkpoints/step-00000004/weights.safetensors");
        byte[] bytes = File.ReadAllBytes(weights);
        bytes[^1] ^= 1;
        File.WriteAllBytes(weights, bytes);
        using (Trainer trainer = _box.Open(options, "cut", resume: true))
        {
            Assert.Contains("step-00000004", Assert.Single(trainer.Messages));
            Assert.Equal(2, trainer.Step);
            trainer.Run();
        }

        _box.AssertSame("whole", "cut");
    }

    private static TrainingOptions Options(string way) => way switch
    {
        "control" => TrainingSandbox.Net with { Accumulation = 2, EmaDecay = 0.9 },
        "control fused" => TrainingSandbox.Net with { ClipNorm = 0 },
        "control unlocked" => TrainingSandbox.Net with { LockBase = false, OnlyMidControl = true },
        "unet" => TrainingSandbox.Unet with { Accumulation = 2, EmaDecay = 0.9, ClipNorm = 0.1 },
        _ => TrainingSandbox.Vae with { ClipNorm = 0, EmaDecay = 0.9 },
    };

    private void StopAfter(TrainingOptions options, string run, long step)
    {
        using CancellationTokenSource stop = new();
        using Trainer trainer = _box.Open(options, run, resume: true);
        Assert.Throws<OperationCanceledException>(() => trainer.Run(new Watcher(progress =>
        {
            if (progress.Step == step)
            {
                stop.Cancel();
            }
        }), stop.Token));
        Assert.Equal(step, trainer.Step);
        Assert.True(Directory.Exists(_box.Path($"{run}/checkpoints/step-{step:00000000}")));
    }

    private sealed class Watcher(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }
}
