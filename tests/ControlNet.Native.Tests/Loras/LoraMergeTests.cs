using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Models;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Text;
using ControlNet.Native.Unet;
using ControlNet.Native.Weights;
using Xunit;

namespace ControlNet.Native.Tests.Loras;

/// <summary>LoRA merged into the weights, against the same beside them, and against sums in double.</summary>
public sealed class LoraMergeTests : IDisposable
{
    private const double Limit = 3e-5;

    private readonly Device _device = Devices.Cpu(2);
    private readonly ScratchFolder _folder = new();

    public void Dispose()
    {
        _folder.Dispose();
        _device.Dispose();
    }

    [Theory]
    [InlineData(LoraFiles.Kohya, 0.8f)]
    [InlineData(LoraFiles.Locon, -0.5f)]
    [InlineData(LoraFiles.Peft, 1f)]
    [InlineData(LoraFiles.Old, 1f)]
    public void A_merged_UNet_computes_what_the_adapted_one_does(string name, float scale)
    {
        using Lora lora = LoraFiles.Open(name), second = LoraFiles.Open(LoraFiles.Locon);
        LoraUse[] uses = name == LoraFiles.Kohya ? [new(lora, scale), new(second, 1.5f)] : [new(lora, scale)];
        using UnetModel adapted = TinyModels.Unet(_device);
        Array.ForEach(uses, use => adapted.ApplyLora(use.Lora, use.Scale));
        string folder = Merge("sd1-tiny/unet", LoraNetwork.Unet, uses);
        using Checkpoint file = Checkpoint.Open(folder);
        using UnetModel merged = new(file.Unet!.Map(_device), file.Unet.Config);
        Close(TinyForward.Of(merged, _device), TinyForward.Of(adapted, _device));
    }

    [Fact]
    public void A_merged_text_encoder_computes_what_the_adapted_one_does()
    {
        using Lora lora = LoraFiles.Open(LoraFiles.Kohya);
        using ClipTextModel adapted = TinyModels.Clip(_device);
        adapted.ApplyLora(lora, 0.4f);
        string folder = Merge("sd1-tiny/text_encoder", LoraNetwork.Text, [new LoraUse(lora, 7f, TextScale: 0.4f)]);
        using Checkpoint file = Checkpoint.Open(folder);
        using ClipTextModel merged = new(file.Text!.Map(_device), file.Text.Config);
        Close(TinyForward.Of(merged), TinyForward.Of(adapted));
    }

    [Fact]
    public void Layers_with_an_activation_and_strides_of_a_control_net()
    {
        using Lora lora = LoraFiles.Of(
            [
                .. Convolution("controlnet.controlnet_cond_embedding.conv_in", 4, 3),
                .. Convolution("controlnet.controlnet_cond_embedding.blocks.1", 8, 4),
                .. Convolution("controlnet.down_blocks.0.downsamplers.0.conv", 8, 8),
                .. LoraFiles.Module("controlnet.time_embedding.linear_1", 32, 8),
                .. LoraFiles.Module("controlnet.controlnet_mid_block", 16, 16, rank: 1),
            ]);
        using ControlNetModel adapted = TinyModels.ControlNet(_device);
        float[] plain = TinyForward.Of(adapted);
        Assert.Equal(5, adapted.ApplyLora(lora, strict: true).AppliedCount);
        string folder = Merge("controlnet-tiny-canny", LoraNetwork.ControlNet, [new LoraUse(lora)]);
        using Checkpoint file = Checkpoint.Open(folder);
        using ControlNetModel merged = new(file.ControlNet!.Map(_device), file.ControlNet.Config);
        Close(TinyForward.Of(merged), TinyForward.Of(adapted));
        Assert.NotEqual(plain, TinyForward.Of(adapted));
    }

    [Theory]
    [InlineData("F32")]
    [InlineData("F16")]
    [InlineData("BF16")]
    [InlineData("F64")]
    public void The_sum_is_rounded_once_to_the_type_of_the_weight(string dtype)
    {
        const int rows = 5, columns = 19, rank = 3;
        Random random = new(3);
        float[] Draw(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
        (float[] down, float[] up) = (Draw(rank * columns), Draw(rows * rank));
        byte[] stored = WeightElements.Narrow(dtype, Draw(rows * columns));
        using Lora lora = LoraFiles.Of(
            LoraFiles.Item("unet.layer.lora_A.weight", down, rank, columns),
            LoraFiles.Item("unet.layer.lora_B.weight", up, rows, rank), LoraFiles.Item("unet.layer.alpha", [1.5f]));
        LoraMerge merge = Into([new LoraUse(lora, 0.7f)], ("layer.weight", [rows, columns]));
        Assert.Equal((true, false), (
            merge.Changes(LoraNetwork.Unet, "layer.weight"), merge.Changes(LoraNetwork.Text, "layer.weight")));
        ReadOnlyMemory<byte> merged = merge.Merge(LoraNetwork.Unet, "layer.weight", dtype, stored);

        float[] base32 = WeightElements.Widen(dtype, stored), actual = WeightElements.Widen(dtype, merged.Span);
        double ulp = dtype switch { "F16" => 5e-4, "BF16" => 4e-3, _ => 3e-7 };
        for (int i = 0; i < actual.Length; i++)
        {
            double expected = base32[i];
            for (int r = 0; r < rank; r++)
            {
                expected += 0.7 * 1.5 / rank * up[(i / columns * rank) + r] * down[(r * columns) + (i % columns)];
            }

            Assert.InRange(actual[i], expected - (ulp * 1.5), expected + (ulp * 1.5));
        }
    }

    [Fact]
    public void What_no_LoRA_changes_is_handed_back_as_it_is()
    {
        using Lora lora = LoraFiles.Of(LoraFiles.Module("unet.layer", 2, 2));
        LoraMerge merge = Into([new LoraUse(lora)], ("layer.weight", [2, 2]), ("other.weight", [2, 2]));
        byte[] bytes = new byte[16];
        Assert.Equal(bytes.AsMemory(), merge.Merge(LoraNetwork.Unet, "other.weight", "F32", bytes));
        float[] values = new float[4];
        merge.AddTo(LoraNetwork.Unet, "other.weight", values);
        Assert.Equal(new float[4], values);
        Assert.Throws<ArgumentException>(() => merge.AddTo(LoraNetwork.Unet, "layer.weight", new float[3]));
        Assert.Equal(
            "weights are written as F32, F16, BF16 or F64, not as I64",
            Assert.Throws<CheckpointException>(
                () => merge.Merge(LoraNetwork.Unet, "layer.weight", "I64", new byte[32])).Message);
    }

    [Fact]
    public void A_merge_is_refused_as_applying_is()
    {
        using Lora lora = LoraFiles.Of([.. LoraFiles.Module("unet.layer", 2, 2), .. LoraFiles.Module("unet.b", 2, 2)]);
        Assert.Equal(1, Assert.Single(Into([new LoraUse(lora)], ("layer.weight", [2, 2])).Reports).AppliedCount);
        Assert.Throws<CheckpointException>(() => Into([new LoraUse(lora)], ("layer.weight", [2, 3])));
        Assert.Throws<CheckpointException>(() => Into([new LoraUse(lora)], ("c.weight", [2, 2])));
        Assert.Throws<CheckpointException>(() => Into([new LoraUse(lora, float.NaN)], ("layer.weight", [2, 2])));
        Assert.Throws<CheckpointException>(() => new LoraMerge(
            [new LoraUse(lora)], Unet(("layer.weight", [2, 2])), strict: true));
    }

    private static SafeTensorsItem[] Convolution(string name, int outputs, int inputs) =>
    [
        LoraFiles.Item($"{name}.lora_A.weight", 2, inputs, 3, 3),
        LoraFiles.Item($"{name}.lora_B.weight", outputs, 2, 1, 1),
    ];

    private static LoraMerge Into(LoraUse[] uses, params (string Name, long[] Extents)[] weights) =>
        new(uses, Unet(weights));

    private static Dictionary<LoraNetwork, IReadOnlyDictionary<string, IReadOnlyList<long>>> Unet(
        params (string Name, long[] Extents)[] weights) => new()
        {
            [LoraNetwork.Unet] = weights.ToDictionary(
                weight => weight.Name, weight => (IReadOnlyList<long>)weight.Extents),
        };

    /// <summary>Writes a component of the golden folder with LoRA merged into it.</summary>
    private string Merge(string component, LoraNetwork network, LoraUse[] uses)
    {
        string source = Repository.Golden(["models", .. component.Split('/')]);
        using Checkpoint checkpoint = Checkpoint.Open(source);
        LoraMerge merge = LoraMerge.Into(checkpoint, uses);
        string name = network == LoraNetwork.Text ? "model.safetensors" : "diffusion_pytorch_model.safetensors";
        using SafeTensorsFile file = SafeTensorsFile.Open(System.IO.Path.Combine(source, name));
        SafeTensorsWriter.Write(_folder.Path(name), file.Entries.Values.Select(entry => new SafeTensorsItem(
            entry.Name, entry.DType, entry.Shape,
            () => merge.Merge(network, entry.Name, entry.DType, file.ReadAll(entry.Name)))));
        File.Copy(System.IO.Path.Combine(source, "config.json"), _folder.Path("config.json"));
        return _folder.Root;
    }

    private static void Close(float[] expected, float[] actual)
    {
        double scale = expected.Max(Math.Abs), worst = expected.Zip(actual, (e, a) => Math.Abs((double)e - a)).Max();
        Assert.Equal(expected.Length, actual.Length);
        Assert.True(worst <= Limit * scale, $"{worst / scale:e2}");
    }
}
