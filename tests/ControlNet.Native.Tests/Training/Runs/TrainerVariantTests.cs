using System;
using System.IO;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Training;
using ControlNet.Native.Weights;
using Xunit;

namespace ControlNet.Native.Tests.Training;

/// <summary>The paper's comparisons train, resume and load like the network itself.</summary>
public sealed class TrainerVariantTests : IDisposable
{
    private readonly TrainingSandbox _box = new();

    public void Dispose() => _box.Dispose();

    [Theory]
    [InlineData(ControlNetVariant.Gaussian)]
    [InlineData(ControlNetVariant.Lite)]
    public void A_resumed_run_ends_like_one_never_stopped(ControlNetVariant variant)
    {
        ControlNetTrainingOptions options = TrainingSandbox.Net with { Variant = variant };
        _box.Train(options, "whole");
        _box.Train(options with { Steps = 2 }, "parts");
        Directory.Delete(_box.Path("parts/final"), recursive: true);
        _box.Train(options, "parts", resume: true);
        _box.AssertSame("whole", "parts");
    }

    [Theory]
    [InlineData(ControlNetVariant.Standard, true)]
    [InlineData(ControlNetVariant.Lite, true)]
    [InlineData(ControlNetVariant.Gaussian, false)]
    public void Only_the_gaussian_one_speaks_before_its_first_step(ControlNetVariant variant, bool silent)
    {
        using (Trainer trainer = _box.Open(TrainingSandbox.Net with { Variant = variant }, "run"))
        {
            trainer.Export(_box.Path("zero"));
        }

        using Checkpoint checkpoint = Checkpoint.OpenControlNet(_box.Path("zero"));
        ComponentWeights weights = checkpoint.ControlNet!.Weights;
        string[] outputs =
        [
            .. weights.Slots.Keys.Where(name => name.StartsWith("controlnet_", StringComparison.Ordinal)
                && name.EndsWith(".weight", StringComparison.Ordinal)
                && (!name.Contains("cond_embedding") || name.Contains("conv_out"))),
        ];
        Assert.Equal(14, outputs.Length);
        Assert.All(outputs, name => Assert.Equal(silent, IsZero(weights.Slots[name])));
    }

    [Fact]
    public void The_lite_one_is_loaded_as_what_it_is()
    {
        _box.Train(TrainingSandbox.Net with { Variant = ControlNetVariant.Lite }, "lite");
        _box.Train(TrainingSandbox.Net, "standard");
        using ControlNetModel lite = ControlNetModel.Load(_box.Path("lite/final"), _box.Device);
        using ControlNetModel standard = ControlNetModel.Load(_box.Path("standard/final"), _box.Device);
        Assert.True(lite.Config.IsLite);
        Assert.InRange(lite.ParameterCount, 1, standard.ParameterCount / 2);
    }

    [Fact]
    public void The_lite_one_has_no_original_layout()
    {
        TrainingOptionsException e = Assert.Throws<TrainingOptionsException>(() => _box.Open(
            TrainingSandbox.Net with { Variant = ControlNetVariant.Lite, ExportLayouts = ExportLayouts.Original },
            "run"));
        Assert.Equal(
            "Variant is Lite, which the original layout has no names for; export it as diffusers", e.Message);
    }

    private static bool IsZero(WeightSlot slot)
    {
        byte[] bytes = new byte[slot.ByteCount];
        slot.File.Read(slot.Entry.Name, slot.OffsetBytes, bytes);
        return bytes.All(value => value == 0);
    }
}
