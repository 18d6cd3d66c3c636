using System;
using System.IO;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Training;
using Xunit;

namespace ControlNet.Native.Tests.Training;

/// <summary>A run that trains on from a ControlNet rather than from a copy of the UNet's encoder.</summary>
public sealed class TrainerInitialControlNetTests : IDisposable
{
    private readonly TrainingSandbox _box = new();

    public void Dispose() => _box.Dispose();

    [Theory]
    [InlineData(ControlNetVariant.Standard)]
    [InlineData(ControlNetVariant.Lite)]
    public void Begins_with_its_weights(ControlNetVariant variant)
    {
        _box.Train(TrainingSandbox.Net with { Variant = variant }, "first");
        using (Trainer trainer = _box.Open(From("first/final"), "second"))
        {
            trainer.Export(_box.Path("zero"));
        }

        Assert.Equal(Weights("first/final"), Weights("zero"));
        using ControlNetModel net = ControlNetModel.Load(_box.Path("zero"), _box.Device);
        Assert.Equal(variant == ControlNetVariant.Lite, net.Config.IsLite);
    }

    [Fact]
    public void Learns_resumes_and_leaves_the_first_as_it_was()
    {
        _box.Train(TrainingSandbox.Net, "first");
        byte[] before = Weights("first/final");
        _box.Train(From("first/final"), "whole");
        _box.Train(From("first/final") with { Steps = 2 }, "parts");
        Directory.Delete(_box.Path("parts/final"), recursive: true);
        _box.Train(From("first/final"), "parts", resume: true);
        _box.AssertSame("whole", "parts");
        Assert.NotEqual(before, Weights("whole/final"));
        Assert.Equal(before, Weights("first/final"));
    }

    [Fact]
    public void A_run_that_began_with_a_copy_is_not_resumed_as_one_that_did_not()
    {
        _box.Train(TrainingSandbox.Net with { Steps = 2 }, "first");
        TrainingStateException e = Assert.Throws<TrainingStateException>(
            () => _box.Open(From("first/final"), "first", resume: true));
        Assert.Contains("from a ControlNet", e.Message);
    }

    [Fact]
    public void One_made_for_another_base_is_refused()
    {
        _box.Train(TrainingSandbox.Net, "first");
        TrainingOptionsException e = Assert.Throws<TrainingOptionsException>(() => ControlNetTrainer.Open(
            Repository.Golden("models", "sd2-tiny"), _box.Data(hints: true), _box.Path("second"), _box.Device,
            From("first/final")));
        Assert.StartsWith(
            $"InitialControlNet {_box.Path("first/final")} is made for another base model: its text states are",
            e.Message);
        Assert.EndsWith("; take one made for this base", e.Message);
    }

    [Fact]
    public void A_lite_one_has_no_original_layout()
    {
        _box.Train(TrainingSandbox.Net with { Variant = ControlNetVariant.Lite }, "first");
        TrainingOptionsException e = Assert.Throws<TrainingOptionsException>(
            () => _box.Open(From("first/final") with { ExportLayouts = ExportLayouts.Original }, "second"));
        Assert.EndsWith("is lite, which the original layout has no names for; export it as diffusers", e.Message);
    }

    [Fact]
    public void One_that_is_not_there_is_named()
    {
        EngineException e = Assert.ThrowsAny<EngineException>(() => _box.Open(From("nowhere"), "run"));
        Assert.Contains("nowhere", e.Message);
    }

    private ControlNetTrainingOptions From(string net) =>
        TrainingSandbox.Net with { InitialControlNet = _box.Path(net) };

    private byte[] Weights(string folder) =>
        File.ReadAllBytes(Directory.GetFiles(_box.Path(folder), "*.safetensors").Single());
}
