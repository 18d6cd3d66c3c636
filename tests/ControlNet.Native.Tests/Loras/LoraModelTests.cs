using System;
using System.IO;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Models;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Text;
using ControlNet.Native.Unet;
using ControlNet.Native.Weights;
using Xunit;

namespace ControlNet.Native.Tests.Loras;

/// <summary>LoRA on single networks: what they change, what they leave, and what is refused.</summary>
public sealed class LoraModelTests : IDisposable
{
    private const string MiddleQuery = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q";

    private readonly Device _device = Devices.Cpu(2);

    public void Dispose()
    {
        Assert.Equal((0L, 0L), (_device.BlocksInUse, _device.BytesInUse));
        _device.Dispose();
    }

    [Fact]
    public void Taking_one_away_leaves_the_others_whatever_the_order()
    {
        using UnetModel unet = TinyModels.Unet(_device);
        using Lora one = LoraFiles.Open(LoraFiles.Kohya), other = LoraFiles.Open(LoraFiles.Locon);
        (long blocks, long weights, long count) = (_device.BlocksInUse, unet.ParameterBytes, unet.ParameterCount);
        float[] plain = TinyForward.Of(unet, _device);
        unet.ApplyLora(other, 0.5f);
        float[] otherAlone = TinyForward.Of(unet, _device);
        Assert.True(unet.RemoveLora(other));
        Assert.Equal(plain, TinyForward.Of(unet, _device));

        unet.ApplyLora(one, 0.8f);
        unet.ApplyLora(other, 0.5f);
        Assert.Equal([one, other], unet.Loras.Select(use => use.Lora));
        Assert.InRange(unet.ParameterBytes, weights + 1, _device.BytesInUse);
        Assert.Equal(count, unet.ParameterCount);
        float[] both = TinyForward.Of(unet, _device);
        Assert.True(unet.RemoveLora(one));
        Assert.Equal(otherAlone, TinyForward.Of(unet, _device));
        Assert.NotEqual(otherAlone, both);
        Assert.False(unet.RemoveLora(one));
        Assert.True(unet.RemoveLora(other));
        Assert.Equal(plain, TinyForward.Of(unet, _device));
        Assert.Equal((blocks, weights), (_device.BlocksInUse, unet.ParameterBytes));
    }

    [Fact]
    public void Another_scale_needs_no_file_and_zero_is_none()
    {
        using UnetModel unet = TinyModels.Unet(_device);
        float[] plain = TinyForward.Of(unet, _device);
        using Lora lora = LoraFiles.Open(LoraFiles.Kohya);
        unet.ApplyLora(lora, -0.5f);
        float[] expected = TinyForward.Of(unet, _device);
        unet.ApplyLora(lora, 2f);
        lora.Dispose();
        long blocks = _device.BlocksInUse;
        Assert.NotEqual(expected, TinyForward.Of(unet, _device));
        unet.ApplyLora(lora, -0.5f);
        Assert.Equal(expected, TinyForward.Of(unet, _device));
        unet.ApplyLora(lora, 0f);
        Assert.Equal(plain, TinyForward.Of(unet, _device));
        Assert.Equal(blocks, _device.BlocksInUse);
        Assert.Equal(0f, Assert.Single(unet.Loras).Scale);
    }

    [Fact]
    public void A_model_that_goes_takes_its_LoRA_with_it()
    {
        using Lora lora = LoraFiles.Open(LoraFiles.Kohya);
        ClipTextModel clip = TinyModels.Clip(_device);
        clip.ApplyLora(lora);
        Assert.True(_device.BlocksInUse > 0);
        clip.Dispose();
        clip.Dispose();
    }

    [Fact]
    public void A_control_net_takes_what_is_made_for_a_UNet_and_says_what_it_lacks()
    {
        using ControlNetModel net = TinyModels.ControlNet(_device);
        float[] plain = TinyForward.Of(net);
        using Lora lora = LoraFiles.Open(LoraFiles.Kohya);
        LoraReport report = net.ApplyLora(lora);

        // Ten layers of each transformer of the encoder and the middle: 2 + 2 + 2 + 1.
        Assert.Equal((lora.Pairs.Count(IsOfEncoder), lora.ModuleCount), (report.AppliedCount, report.ModuleCount));
        Assert.Equal(report.ModuleCount, report.AppliedCount + report.Unmatched.Count);
        Assert.Contains(report.Unmatched, left => left.Reason == "the ControlNet has no such layer");
        Assert.Contains(
            report.Unmatched,
            left => left.Reason == "it is made for a text encoder, this is applied to ControlNet");
        Assert.NotEqual(plain, TinyForward.Of(net));
        Assert.True(net.RemoveLora(lora));
        Assert.Equal(plain, TinyForward.Of(net));

        static bool IsOfEncoder(LoraPair pair) =>
            pair.Name.Contains("_down_blocks_", StringComparison.Ordinal)
            || pair.Name.Contains("_mid_block_", StringComparison.Ordinal);
    }

    [Fact]
    public void What_does_not_apply_is_listed_and_where_it_is_strict_refused()
    {
        using UnetModel unet = TinyModels.Unet(_device);
        using Lora lora = LoraFiles.Of(
            [
                .. LoraFiles.Module(MiddleQuery, 16, 16), .. LoraFiles.Module("lora_unet_nowhere", 4, 4),
                LoraFiles.Item("lora_unet_conv_in.hada_w1_a", 2, 2), LoraFiles.Item("strange", 2),
            ]);
        LoraReport report = unet.ApplyLora(lora, 0.25f);
        Assert.Equal(
            [
                ("lora_unet_nowhere", "the UNet has no such layer"),
                ("strange", "it is no tensor of a LoRA that this library knows"),
                ("lora_unet_conv_in", "it is a LoHa (hada_w1_a, …), a product of two low-rank matrices: not " +
                    "computed"),
            ],
            report.Unmatched.Select(left => (left.Name, left.Reason)));
        Assert.Equal(
            "made: LoRA, 1 of 4 modules applied (UNet 1), kohya, rank 2, scale 0.25", report.ToString());
        Assert.True(unet.RemoveLora(lora));
        float[] plain = TinyForward.Of(unet, _device);
        Assert.Equal(
            "made: 3 of the 4 modules of this LoRA were not applied, first 'lora_unet_nowhere': the UNet has no such " +
            "layer; the others are applied where it need not be strict (without --lora-strict)",
            Assert.Throws<CheckpointException>(() => unet.ApplyLora(lora, strict: true)).Message);
        Assert.Empty(unet.Loras);
        Assert.Equal(plain, TinyForward.Of(unet, _device));
    }

    [Fact]
    public void One_of_another_base_model_is_refused_with_both_shapes()
    {
        using UnetModel unet = TinyModels.Unet(_device);
        using Lora wide = LoraFiles.Of(
            [
                .. LoraFiles.Module(MiddleQuery, 16, 16),
                .. LoraFiles.Module("lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k", 16, 1024),
            ]);
        long blocks = _device.BlocksInUse;
        Assert.Equal(
            "made: tensor 'lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight' is " +
            "[2, 1024], but to change 'mid_block.attentions.0.transformer_blocks.0.attn2.to_k', [16, 24], it must be " +
            "[2, 24]: the LoRA was made for another base model (Stable Diffusion 1.x reads text states 768 wide, 2.x " +
            "1024); choose one made for this",
            Assert.Throws<CheckpointException>(() => unet.ApplyLora(wide)).Message);
        using Lora kernel = LoraFiles.Of(LoraFiles.Module("lora_unet_conv_in", 8, 4));
        Assert.Contains(
            "tensor 'lora_unet_conv_in.lora_down.weight' is [2, 4], but to change 'conv_in', [8, 4, 3, 3], it must " +
            "be [2, 4, 3, 3]",
            Assert.Throws<CheckpointException>(() => unet.ApplyLora(kernel)).Message, StringComparison.Ordinal);
        Assert.Empty(unet.Loras);
        Assert.Equal(blocks, _device.BlocksInUse);
    }

    [Fact]
    public void One_of_which_nothing_fits_is_refused_also_where_it_need_not_be_strict()
    {
        using UnetModel unet = TinyModels.Unet(_device);
        using Lora lora = LoraFiles.Of(LoraFiles.Module("lora_unet_nowhere", 4, 4));
        Assert.Equal(
            "made: nothing of this LoRA (1 module) fits this UNet, first 'lora_unet_nowhere': the UNet has no such " +
            "layer; choose one made for this base model",
            Assert.Throws<CheckpointException>(() => unet.ApplyLora(lora)).Message);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.NegativeInfinity)]
    public void A_scale_that_is_no_number(float scale)
    {
        using UnetModel unet = TinyModels.Unet(_device);
        using Lora lora = LoraFiles.Open(LoraFiles.Kohya);
        Assert.EndsWith(
            "give a finite number, 1 is as it was trained",
            Assert.Throws<CheckpointException>(() => unet.ApplyLora(lora, scale)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_cut_short_while_it_is_read_changes_nothing()
    {
        using ScratchFolder folder = new();
        string path = folder.Path("lora.safetensors");
        File.Copy(LoraFiles.PathOf(LoraFiles.Kohya), path);
        using UnetModel unet = TinyModels.Unet(_device);
        using Lora lora = Lora.Open(path);
        long blocks = _device.BlocksInUse;
        using (FileStream file = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            file.SetLength(file.Length - 1000);
        }

        Assert.Throws<SafeTensorsException>(() => unet.ApplyLora(lora));
        Assert.Empty(unet.Loras);
        Assert.Equal(blocks, _device.BlocksInUse);
    }

    [Fact]
    public void A_network_that_is_trained_takes_none()
    {
        using Checkpoint file = TinyModels.Open("sd1-tiny", "unet");
        using UnetModel unet = new(file.Unet!.Map(_device).For(WeightUse.Frozen), file.Unet.Config);
        using Lora lora = LoraFiles.Open(LoraFiles.Kohya);
        Assert.Equal(
            "the UNet was loaded to be trained, where LoRA are not applied; load it for inference",
            Assert.Throws<ModelException>(() => unet.ApplyLora(lora)).Message);
    }
}
