using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Models;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Unet;
using ControlNet.Native.Weights;
using Xunit;

namespace ControlNet.Native.Tests.Loras;

/// <summary>The same factors under every name that files give them change a network alike.</summary>
public sealed class LoraNamesTests : IDisposable
{
    private const string LdmPrefix = "model.diffusion_model.";

    private readonly Device _device = Devices.Cpu(2);

    public void Dispose() => _device.Dispose();

    [Fact]
    public void Names_of_the_original_layout_are_those_of_a_file_in_it()
    {
        Dictionary<string, string> originals = OriginalNames();
        LdmPaths paths = new([.. originals.Keys]);
        Assert.True(originals.Count > 200);
        Assert.All(originals, pair => Assert.Equal(pair.Value, paths.Translate(pair.Key)));
        Assert.Equal(
            "input_blocks.1.1.transformer_blocks.0.attn1.to_q",
            paths.Translate("down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"));
        Assert.Equal("output_blocks.2.1.conv", paths.Translate("up_blocks.0.upsamplers.0.conv"));
        Assert.Null(paths.Translate("nowhere.0"));
    }

    [Fact]
    public void Blocks_named_as_in_the_original_layout() => ChangesAlike(LoraFiles.Kohya, name =>
    {
        const string prefix = "lora_unet_";
        int dot = name.IndexOf('.', StringComparison.Ordinal);
        return !name.StartsWith(prefix, StringComparison.Ordinal)
            ? name
            : prefix + Underscored().Single(pair => pair.Key == name[prefix.Length..dot]).Value + name[dot..];
    });

    [Fact]
    public void Convolutions_named_as_in_the_original_layout() => ChangesAlike(LoraFiles.Locon, name =>
    {
        int dot = name.IndexOf('.', StringComparison.Ordinal);
        return $"diffusion_model.{OriginalNames()[Path(name[10..dot])]}{name[dot..]}";

        static string Path(string underscored) =>
            OriginalNames().Keys.Single(path => path.Replace('.', '_') == underscored);
    });

    [Theory]
    [InlineData("base_model.model.unet.", ".lora_A.weight", ".lora_B.weight")]
    [InlineData("base_model.model.", ".lora_A.default.weight", ".lora_B.default.weight")]
    [InlineData("", ".lora_A.weight", ".lora_B.weight")]
    [InlineData("unet.", ".lora.down.weight", ".lora.up.weight")]
    [InlineData("unet.", ".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight")]
    public void Prefixes_and_endings_of_PEFT_and_diffusers(string prefix, string down, string up) => ChangesAlike(
        LoraFiles.Peft,
        name => (name.StartsWith("unet.", StringComparison.Ordinal) ? prefix + name[5..] : name)
            .Replace(".lora_A.weight", down, StringComparison.Ordinal)
            .Replace(".lora_B.weight", up, StringComparison.Ordinal));

    [Fact]
    public void Names_of_two_layouts_for_one_layer_are_refused()
    {
        using UnetModel unet = TinyModels.Unet(_device);
        using Lora lora = LoraFiles.Of(
            [
                .. LoraFiles.Module("lora_unet_mid_block_attentions_0_proj_in", 16, 16),
                .. LoraFiles.Module("lora_unet_middle_block_1_proj_in", 16, 16),
            ]);
        Assert.Equal(
            "made: modules 'lora_unet_mid_block_attentions_0_proj_in' and 'lora_unet_middle_block_1_proj_in' both " +
            "change 'mid_block.attentions.0.proj_in'; the file mixes two layouts",
            Assert.Throws<CheckpointException>(() => unet.ApplyLora(lora)).Message);
    }

    /// <summary>Original names of layers with a weight of two or more extents, for diffusers' names.</summary>
    private static Dictionary<string, string> OriginalNames()
    {
        const string ending = ".weight";
        using SafeTensorsFile file = SafeTensorsFile.Open(
            Repository.Golden("models", "single-file", "sd1-tiny.f32.safetensors"));
        string[] names =
        [
            .. file.Entries.Values.Where(entry => entry.Name.StartsWith(LdmPrefix, StringComparison.Ordinal))
                .Select(entry => entry.Name[LdmPrefix.Length..]),
        ];
        LdmUnetNames translation = new(names.ToHashSet());
        return names
            .Where(name => name.EndsWith(ending, StringComparison.Ordinal)
                && file.Entries[LdmPrefix + name].Shape.Count > 1)
            .ToDictionary(name => translation.Translate(name)![..^ending.Length], name => name[..^ending.Length]);
    }

    private static Dictionary<string, string> Underscored() => OriginalNames()
        .ToDictionary(pair => pair.Key.Replace('.', '_'), pair => pair.Value.Replace('.', '_'));

    private void ChangesAlike(string name, Func<string, string> rename)
    {
        using UnetModel unet = TinyModels.Unet(_device);
        using Lora original = LoraFiles.Open(name), renamed = LoraFiles.Of(LoraFiles.Renamed(name, rename));
        LoraReport expected = unet.ApplyLora(original, 0.8f);
        float[] before = TinyForward.Of(unet, _device);
        Assert.True(unet.RemoveLora(original));
        Assert.NotEqual(before, TinyForward.Of(unet, _device));
        LoraReport report = unet.ApplyLora(renamed, 0.8f);
        Assert.Equal(expected.AppliedCount, report.AppliedCount);
        Assert.Equal(before, TinyForward.Of(unet, _device));
    }
}
