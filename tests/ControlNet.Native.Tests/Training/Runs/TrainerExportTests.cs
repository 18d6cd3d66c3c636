using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Imaging;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Training;
using ControlNet.Native.Weights;
using Xunit;

namespace ControlNet.Native.Tests.Training;

/// <summary>What a run exports is what users load.</summary>
public sealed class TrainerExportTests : IDisposable
{
    private readonly TrainingSandbox _box = new();

    public void Dispose() => _box.Dispose();

    [Fact]
    public void Before_the_first_step_it_draws_the_base_models_image()
    {
        using (Trainer trainer = _box.Open(TrainingSandbox.Net, "run"))
        {
            trainer.Export(_box.Path("zero"));
        }

        Assert.Equal(Draw(TrainingSandbox.Base, null), Draw(TrainingSandbox.Base, _box.Path("zero")));
    }

    [Fact]
    public void Control_of_scale_zero_draws_the_base_models_image()
    {
        _box.Train(TrainingSandbox.Net, "run");
        string net = _box.Path("run/final");
        byte[] plain = Draw(TrainingSandbox.Base, null);
        Assert.Equal(plain, Draw(TrainingSandbox.Base, net, scale: 0));
        Assert.NotEqual(plain, Draw(TrainingSandbox.Base, net));
    }

    [Fact]
    public void The_network_a_run_begins_with_draws_the_base_models_image()
    {
        using StableDiffusion model = StableDiffusion.Load(TrainingSandbox.Base, _box.Device);
        using ControlNetModel net = ControlNetTrainer.FromUnet(TrainingSandbox.Base, _box.Device);
        ImageRequest plain = new() { Prompt = "a red circle", Width = 32, Height = 32, Steps = 2 };
        RgbImage black = RgbImage.FromPixels(new byte[32 * 32 * 3], 32, 32, PixelLayout.Rgb24);
        ControlInput control = new() { Net = net, Image = black };
        Assert.Equal(
            model.Generate(plain).Image.Pixels.ToArray(),
            model.Generate(plain with { Controls = [control] }).Image.Pixels.ToArray());
    }

    [Fact]
    public void What_a_unet_was_trained_to_predict_is_exported_with_it()
    {
        using (Trainer trainer = BaseTrainer.OpenDenoiser(
            TrainingSandbox.Base, _box.Data(hints: false), _box.Path("run"), _box.Device, TrainingSandbox.Unet,
            new LoadOptions { Prediction = PredictionType.Velocity }))
        {
            trainer.Export(_box.Path("velocity"));
        }

        using StableDiffusion before = StableDiffusion.Load(TrainingSandbox.Base, _box.Device);
        using StableDiffusion after = StableDiffusion.Load(_box.Path("velocity"), _box.Device);
        Assert.Equal(PredictionType.Epsilon, before.Scheduler.Prediction);
        Assert.Equal(PredictionType.Velocity, after.Scheduler.Prediction);
    }

    [Fact]
    public void The_original_layout_holds_the_same_bits()
    {
        _box.Train(
            TrainingSandbox.Net with { ExportLayouts = ExportLayouts.Diffusers | ExportLayouts.Original }, "run");
        string folder = _box.Path("run/final"), file = _box.Path("run/final/original/control_model.safetensors");
        using Checkpoint diffusers = Checkpoint.OpenControlNet(folder);
        using Checkpoint original = Checkpoint.OpenControlNet(file, new() { ConfigsFrom = folder });
        IReadOnlyDictionary<string, WeightSlot> expected = diffusers.ControlNet!.Weights.Slots;
        IReadOnlyDictionary<string, WeightSlot> found = original.ControlNet!.Weights.Slots;
        Assert.Equal(expected.Keys.Order(), found.Keys.Order());
        Assert.All(expected, slot => Assert.Equal(Bytes(slot.Value), Bytes(found[slot.Key])));
        Assert.All(original.ControlNet.Weights.Slots.Values, slot =>
            Assert.StartsWith("control_model.", slot.Entry.Name));
        Assert.Equal(
            Draw(TrainingSandbox.Base, folder),
            Draw(TrainingSandbox.Base, file, options: new() { ConfigsFrom = folder }));
    }

    [Fact]
    public void Names_and_shapes_are_those_of_the_golden_network()
    {
        _box.Train(TrainingSandbox.Net with { Steps = 1, HintChannels = [4, 4, 8, 8] }, "run");
        using Checkpoint golden = Checkpoint.OpenControlNet(Repository.Golden("models", "controlnet-tiny-canny"));
        using Checkpoint own = Checkpoint.OpenControlNet(_box.Path("run/final"));
        string[] wanted = Shapes(golden), found = Shapes(own);
        Assert.Equal(wanted.Select(Name), found.Select(Name));
        Assert.Equal(
            wanted.Where(shape => !shape.Contains("cond_embedding", StringComparison.Ordinal)),
            found.Where(shape => !shape.Contains("cond_embedding", StringComparison.Ordinal)));
    }

    [Fact]
    public void The_middle_alone_leaves_the_skips_silent()
    {
        _box.Train(TrainingSandbox.Net with { OnlyMidControl = true }, "run");
        using Checkpoint net = Checkpoint.OpenControlNet(_box.Path("run/final"));
        IReadOnlyDictionary<string, WeightSlot> weights = net.ControlNet!.Weights.Slots;
        Assert.All(
            weights.Where(slot => slot.Key.StartsWith("controlnet_down_blocks.", StringComparison.Ordinal)),
            slot => Assert.DoesNotContain(Bytes(slot.Value), value => value != 0));
        Assert.Contains(Bytes(weights["controlnet_mid_block.weight"]), value => value != 0);
    }

    [Fact]
    public void An_unlocked_decoder_is_trained_and_exported_with_its_model()
    {
        _box.Train(TrainingSandbox.Net with { LockBase = false, DecoderLearningRate = 1e-3 }, "run");
        string model = _box.Path("run/final/model");
        using Checkpoint before = Checkpoint.OpenModel(TrainingSandbox.Base), after = Checkpoint.OpenModel(model);
        string[] changed =
        [
            .. before.Unet!.Weights.Slots
                .Where(slot => !Bytes(slot.Value).AsSpan().SequenceEqual(Bytes(after.Unet!.Weights.Slots[slot.Key])))
                .Select(slot => slot.Key),
        ];
        Assert.Contains("conv_out.weight", changed);
        Assert.Contains("up_blocks.0.resnets.0.conv1.weight", changed);
        Assert.DoesNotContain(changed, name => name.StartsWith("down_blocks.", StringComparison.Ordinal));
        Assert.NotEqual(Draw(TrainingSandbox.Base, null), Draw(model, _box.Path("run/final")));
    }

    [Fact]
    public void A_decoder_trained_alone_leaves_the_latents_what_they_were()
    {
        _box.Train(TrainingSandbox.Vae with { TrainEncoder = false }, "vae");
        using Checkpoint before = Checkpoint.OpenModel(TrainingSandbox.Base);
        using Checkpoint after = Checkpoint.OpenModel(_box.Path("vae/final"));
        string[] changed =
        [
            .. before.Vae!.Weights.Slots
                .Where(slot => !Bytes(slot.Value).AsSpan().SequenceEqual(Bytes(after.Vae!.Weights.Slots[slot.Key])))
                .Select(slot => slot.Key),
        ];
        Assert.Contains("decoder.conv_out.weight", changed);
        Assert.Contains("post_quant_conv.weight", changed);
        Assert.All(changed, name => Assert.Matches("^(decoder|post_quant_conv)[.]", name));
        Assert.Equal(before.Vae.Config.ScalingFactor, after.Vae!.Config.ScalingFactor);
        Assert.NotEqual(Draw(TrainingSandbox.Base, null), Draw(_box.Path("vae/final"), null));
    }

    [Fact]
    public void A_base_model_is_exported_whole_and_draws()
    {
        _box.Train(TrainingSandbox.Vae with { ExportType = DType.F16 }, "vae");
        _box.Train(TrainingSandbox.Unet with { EmaDecay = 0.5 }, "unet");
        Assert.NotEqual(Draw(TrainingSandbox.Base, null), Draw(_box.Path("vae/final"), null));
        Assert.NotEqual(Draw(TrainingSandbox.Base, null), Draw(_box.Path("unet/final"), null));
        Assert.Equal(
            Directory.GetFiles(TrainingSandbox.Base, "*", SearchOption.AllDirectories)
                .Select(file => Path.GetRelativePath(TrainingSandbox.Base, file)).Order(),
            Directory.GetFiles(_box.Path("unet/final"), "*", SearchOption.AllDirectories)
                .Select(file => Path.GetRelativePath(_box.Path("unet/final"), file)).Order());
    }

    private static string[] Shapes(Checkpoint net) =>
    [
        .. net.ControlNet!.Weights.Slots.Select(slot => $"{slot.Key} {slot.Value.ExtentsText}")
            .Order(StringComparer.Ordinal),
    ];

    private static string Name(string shape) => shape[..shape.IndexOf(' ')];

    private static byte[] Bytes(WeightSlot slot)
    {
        byte[] bytes = new byte[slot.ByteCount];
        slot.File.Read(slot.Entry.Name, slot.OffsetBytes, bytes);
        return bytes;
    }

    private byte[] Draw(string model, string? net, float scale = 1, CheckpointOptions? options = null)
    {
        using StableDiffusion pipeline = StableDiffusion.Load(model, _box.Device);
        ImageRequest request = new() { Prompt = "a red circle", Width = 32, Height = 32, Steps = 2, Seed = 5 };
        if (net is null)
        {
            return pipeline.Generate(request).Image.Pixels.ToArray();
        }

        using ControlNetModel control = ControlNetModel.Load(net, _box.Device, options);
        RgbImage hint = _box.Data(true).Load(1, 32, 32).Hint!;
        return pipeline.Generate(request with
        {
            Controls = [new ControlInput { Net = control, Image = hint, Scale = scale }],
        }).Image.Pixels.ToArray();
    }
}
