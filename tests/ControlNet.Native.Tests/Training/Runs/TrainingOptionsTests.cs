using System.Globalization;
using ControlNet.Native.Tensors;
using ControlNet.Native.Training;
using Xunit;

namespace ControlNet.Native.Tests.Training;

/// <summary>Every option has a range, and its refusal names it.</summary>
public sealed class TrainingOptionsTests
{
    public static TheoryData<string, TrainingOptions> OutOfRange() => new()
    {
        { "Steps is 0, but must be from 1 to", TrainingSandbox.Net with { Steps = 0 } },
        { "BatchSize is 0, but must be from 1 to 4096", TrainingSandbox.Net with { BatchSize = 0 } },
        { "Accumulation is 0, but must be from 1 to 4096", TrainingSandbox.Net with { Accumulation = 0 } },
        { "LearningRate is 0, but must be from", Rated(new() { BaseRate = 0 }) },
        { "LearningRate is NaN, but must be from", Rated(new() { BaseRate = double.NaN }) },
        { "WarmupSteps is -1, but must be from 0", Rated(new() { WarmupSteps = -1 }) },
        { "Cycles is -1, but must be from 0", Rated(new() { Cycles = -1 }) },
        { "EndRate is 2, but must be from 0 to 1", Rated(new() { EndRate = 2 }) },
        { "Power is -1, but must be from 0", Rated(new() { Power = -1 }) },
        {
            "TotalSteps is 4, but a rate that goes down needs at least the 5 steps of the run",
            Rated(new() { Shape = LearningRateShape.Cosine, TotalSteps = 4 })
        },
        { "Shape is 99, but must be one of", Rated(new() { Shape = (LearningRateShape)99 }) },
        { "Beta1 is 1, but must be from 0 to", TrainingSandbox.Net with { Beta1 = 1 } },
        { "Beta2 is 1, but must be from 0 to", TrainingSandbox.Net with { Beta2 = 1 } },
        { "Eps is -1, but must be from 0 to 1", TrainingSandbox.Net with { Eps = -1 } },
        { "WeightDecay is 2, but must be from 0 to 1", TrainingSandbox.Net with { WeightDecay = 2 } },
        { "ClipNorm is -1, but must be from 0", TrainingSandbox.Net with { ClipNorm = -1 } },
        { "EmaDecay is 1, but must be from 0 to", TrainingSandbox.Net with { EmaDecay = 1 } },
        { "Seed is -1, but must be from 0", TrainingSandbox.Net with { Seed = -1 } },
        { "Width is 0, but must be from 8", TrainingSandbox.Net with { Width = 0 } },
        { "Width is 12, but must be a multiple of 8 pixels", TrainingSandbox.Net with { Width = 12 } },
        { "Height is 20, but must be a multiple of 8 pixels", TrainingSandbox.Net with { Height = 20 } },
        { "PromptDrop is 1.5, but must be from 0 to 1", TrainingSandbox.Net with { PromptDrop = 1.5 } },
        { "MinTimestep is -1, but must be from 0 to", TrainingSandbox.Net with { MinTimestep = -1 } },
        {
            "MaxTimestep is 4, but must be from 5 to",
            TrainingSandbox.Net with { MinTimestep = 5, MaxTimestep = 4 }
        },
        { "SaveEvery is 0, but must be from 1", TrainingSandbox.Net with { SaveEvery = 0 } },
        { "KeepCheckpoints is 1, but must be from 2", TrainingSandbox.Net with { KeepCheckpoints = 1 } },
        { "PreviewEvery is -1, but must be from 0", TrainingSandbox.Net with { PreviewEvery = -1 } },
        { "PreviewCount is 0, but must be from 1 to 64", TrainingSandbox.Net with { PreviewCount = 0 } },
        { "PreviewSteps is 0, but must be from 1 to 1000", TrainingSandbox.Net with { PreviewSteps = 0 } },
        { "PreviewGuidanceScale is -1, but", TrainingSandbox.Net with { PreviewGuidanceScale = -1 } },
        { "Fidelity is 9, but must be one of", TrainingSandbox.Net with { Fidelity = (FidelityKind)9 } },
        { "MaxSkippedInARow is -1, but must be from 0", TrainingSandbox.Net with { MaxSkippedInARow = -1 } },
        { "ExportType is I32, but must be F32, F16 or BF16", TrainingSandbox.Net with { ExportType = DType.I32 } },
        { "ExportLayouts is 0, but must be", TrainingSandbox.Net with { ExportLayouts = 0 } },
        { "HintChannels is 0, but must be from 1", TrainingSandbox.Net with { HintChannels = [0] } },
        { "DecoderLearningRate is -1, but must be", TrainingSandbox.Net with { DecoderLearningRate = -1 } },
        {
            "InitialControlNet is net, whose weights say what it is made of; leave Variant at Standard",
            TrainingSandbox.Net with { InitialControlNet = "net", Variant = ControlNetVariant.Lite }
        },
        {
            "InitialControlNet is net, whose weights say what it is made of; leave HintChannels at null",
            TrainingSandbox.Net with { InitialControlNet = "net", HintChannels = [8, 16] }
        },
        { "DivergenceWeight is 2, but must be from 0 to 1", TrainingSandbox.Vae with { DivergenceWeight = 2 } },
    };

    [Theory]
    [MemberData(nameof(OutOfRange))]
    public void Is_refused_by_name(string sentence, TrainingOptions options)
    {
        TrainingOptionsException e = Assert.Throws<TrainingOptionsException>(options.Validate);
        Assert.StartsWith(sentence, e.Message);
    }

    [Fact]
    public void A_fingerprint_is_the_same_in_every_culture()
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            string plain = string.Join("; ", TrainingSandbox.Net.Fingerprint());
            CultureInfo other = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            other.NumberFormat.NumberDecimalSeparator = ",";
            CultureInfo.CurrentCulture = other;
            Assert.Equal(plain, string.Join("; ", TrainingSandbox.Net.Fingerprint()));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    private static ControlNetTrainingOptions Rated(LearningRateSchedule schedule) =>
        TrainingSandbox.Net with { Schedule = schedule };
}
