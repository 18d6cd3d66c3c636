using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Weights;
using Xunit;

namespace ControlNet.Native.Tests.Loras;

/// <summary>What is read off the names and shapes of a LoRA, and what is refused as none.</summary>
public sealed class LoraReadingTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(LoraFiles.Kohya, LoraLayout.Kohya, 216, "2, 3")]
    [InlineData(LoraFiles.Locon, LoraLayout.Kohya, 14, "2")]
    [InlineData(LoraFiles.Peft, LoraLayout.Peft, 144, "2")]
    [InlineData(LoraFiles.Old, LoraLayout.Diffusers, 144, "2")]
    public void The_four_layouts(string name, LoraLayout layout, int modules, string ranks)
    {
        using Lora lora = LoraFiles.Open(name);
        Assert.Equal((name, layout, modules), (lora.Name, lora.Layout, lora.ModuleCount));
        Assert.Equal(ranks, string.Join(", ", lora.Ranks));
        Assert.Empty(lora.Leftovers);
        Assert.Equal(modules, lora.Pairs.Count);
    }

    [Fact]
    public void Alpha_is_the_rank_where_the_file_says_nothing()
    {
        using Lora peft = LoraFiles.Open(LoraFiles.Peft), kohya = LoraFiles.Open(LoraFiles.Kohya);
        Assert.All(peft.Pairs, pair => Assert.Equal(pair.Rank, pair.Alpha));
        Assert.Contains(kohya.Pairs, pair => pair.Alpha != pair.Rank);
    }

    [Fact]
    public void Alpha_of_an_adapter_folder_of_peft()
    {
        const string a = "base_model.model.mid_block.attentions.0.transformer_blocks.0.attn1.to_q";
        const string b = "base_model.model.mid_block.attentions.0.transformer_blocks.0.attn1.to_k";
        SafeTensorsWriter.Write(
            _folder.Path("adapter_model.safetensors"),
            [
                LoraFiles.Item($"{a}.lora_A.weight", 4, 16), LoraFiles.Item($"{a}.lora_B.weight", 16, 4),
                LoraFiles.Item($"{b}.lora_A.default.weight", 4, 16),
                LoraFiles.Item($"{b}.lora_B.default.weight", 16, 4),
            ]);
        File.WriteAllText(_folder.Path("adapter_config.json"), """{"lora_alpha": 6, "alpha_pattern": {"to_k": 10}}""");
        using (Lora lora = Lora.Open(_folder.Root))
        {
            Assert.Equal([(b, 10.0), (a, 6.0)], lora.Pairs.Select(pair => (pair.Name, pair.Alpha)));
        }

        File.WriteAllText(_folder.Path("adapter_config.json"), """{"lora_alpha": 6, "use_rslora": true}""");
        using Lora stabilised = Lora.Open(_folder.Root);
        Assert.All(stabilised.Pairs, pair => Assert.Equal(12.0, pair.Alpha));
    }

    [Fact]
    public void Alpha_of_the_metadata_of_diffusers()
    {
        Dictionary<string, string> metadata = new()
        {
            ["lora_adapter_metadata"] = """{"unet.lora_alpha": 8, "text_encoder.r": 2}""",
        };
        byte[] bytes = LoraFiles.Bytes(
            LoraFiles.Renamed(LoraFiles.Peft, name => name), metadata);
        using Lora lora = Lora.Open(bytes);
        Assert.All(lora.Pairs, pair => Assert.Equal(pair.Network == LoraNetwork.Unet ? 8 : 2, pair.Alpha));
    }

    [Theory]
    [InlineData("m.hada_w1_a", "it is a LoHa (hada_w1_a, …), a product of two low-rank matrices: not computed")]
    [InlineData("m.lokr_w1", "it is a LoKr (lokr_w1, …), a Kronecker product: not computed")]
    [InlineData(
        "m.dora_scale", "it is a DoRA (dora_scale), which rescales the weight it changes: not computed")]
    [InlineData("m.lora_mid.weight", "its convolution is decomposed further (lora_mid): not computed")]
    [InlineData("m.diff", "it is a full difference of weights (diff), not a low-rank one: not computed")]
    [InlineData("m.lora_up.weight", "it has a factor that writes (up, B) but none that reads (down, A)")]
    [InlineData("m.lora_down.weight", "it has a factor that reads (down, A) but none that writes (up, B)")]
    [InlineData("m.alpha", "it has an alpha but no factors")]
    public void A_module_of_another_kind_is_listed_with_the_reason(string tensor, string reason)
    {
        using Lora lora = LoraFiles.Of(
            [LoraFiles.Item(tensor, 2, 2), .. LoraFiles.Module("lora_unet_conv_out", 4, 8)]);
        Assert.Equal(new LoraLeftover("m", reason), Assert.Single(lora.Leftovers));
        Assert.Equal("lora_unet_conv_out", Assert.Single(lora.Pairs).Name);
        Assert.Equal(2, lora.ModuleCount);
    }

    [Fact]
    public void A_DoRA_is_not_applied_as_if_it_were_none()
    {
        using Lora lora = LoraFiles.Of(
            [LoraFiles.Item("lora_unet_conv_out.dora_scale", 4), .. LoraFiles.Module("lora_unet_conv_out", 4, 8)]);
        Assert.Empty(lora.Pairs);
        Assert.Equal("lora_unet_conv_out", Assert.Single(lora.Leftovers).Name);
    }

    [Theory]
    [InlineData("lora_te1_text_model_encoder_layers_0_mlp_fc1", "Stable Diffusion XL")]
    [InlineData("lora_unet_input_blocks_4_1_transformer_blocks_1_attn1_to_q", "Stable Diffusion XL")]
    [InlineData("text_encoder_2.text_model.encoder.layers.0.mlp.fc1", "Stable Diffusion XL")]
    [InlineData("lora_unet_double_blocks_0_img_attn_qkv", "a diffusion transformer")]
    public void Another_family_is_refused_by_name(string module, string family)
    {
        CheckpointException e = Assert.Throws<CheckpointException>(() => LoraFiles.Of(LoraFiles.Module(module, 4, 4)));
        Assert.Equal(
            $"made: this LoRA is made for {family} ('{module}'); this library applies LoRA of Stable Diffusion 1.x " +
            "and 2.x",
            e.Message);
    }

    [Theory]
    [InlineData("sd1-tiny/unet/diffusion_pytorch_model.safetensors", "it is a checkpoint (UNet); *(--model)")]
    [InlineData(
        "single-file/sd1-tiny.f32.safetensors", "it is a checkpoint (UNet, VAE, text encoder); *(--model)")]
    [InlineData("single-file/control-canny.f32.safetensors", "it is a checkpoint (ControlNet); *(--control-net)")]
    public void A_checkpoint_is_no_LoRA(string file, string sentence)
    {
        string path = Repository.Golden(["models", .. file.Split('/')]);
        CheckpointException e = Assert.Throws<CheckpointException>(() => Lora.Open(path));
        Assert.Matches(Wildcard.Pattern($"*: this is no LoRA, {sentence}"), e.Message);
    }

    [Fact]
    public void A_file_of_something_else_is_no_LoRA()
    {
        CheckpointException e = Assert.Throws<CheckpointException>(
            () => LoraFiles.Of([LoraFiles.Item("emb_params", 2, 4)]));
        Assert.Equal("made: this is no LoRA: this is a textual-inversion embedding, not a model", e.Message);
        e = Assert.Throws<CheckpointException>(() => LoraFiles.Of([LoraFiles.Item("a", 2)]));
        Assert.StartsWith(
            "made: this is no LoRA: holds no model this library knows", e.Message, StringComparison.Ordinal);
        Assert.Contains(
            "cannot be opened", Assert.Throws<SafeTensorsException>(() => Lora.Open("no-such.safetensors")).Message,
            StringComparison.Ordinal);
        Assert.EndsWith(
            "has no pytorch_lora_weights.safetensors or adapter_model.safetensors in it; name the LoRA's " +
            ".safetensors file",
            Assert.Throws<CheckpointException>(() => Lora.Open(_folder.Root)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Factors_that_do_not_belong_together()
    {
        CheckpointException e = Assert.Throws<CheckpointException>(() => LoraFiles.Of(
            [LoraFiles.Item("m.lora_down.weight", 2, 8), LoraFiles.Item("m.lora_up.weight", 4, 3)]));
        Assert.Equal(
            "made: tensor 'm.lora_up.weight' is [4, 3], but must be [Out, 2]: 'm.lora_down.weight' is [2, 8], of " +
            "rank 2",
            e.Message);
        e = Assert.Throws<CheckpointException>(() => LoraFiles.Of(
            [LoraFiles.Item("m.lora_down.weight", 2), LoraFiles.Item("m.lora_up.weight", 4, 2)]));
        Assert.Equal(
            "made: tensor 'm.lora_down.weight' is [2], but must be [rank, In] or [rank, In, K, K]", e.Message);
        e = Assert.Throws<CheckpointException>(() => LoraFiles.Of(
            [LoraFiles.Item("m.lora_down.weight", 2, 8), LoraFiles.Item("m.lora_A.weight", 2, 8)]));
        Assert.Equal(
            "made: tensors 'm.lora_A.weight' and 'm.lora_down.weight' are the same factor of one module; the file " +
            "mixes two adapters",
            e.Message);
    }

    [Theory]
    [InlineData(float.NaN, "F32 [] and holds NaN")]
    [InlineData(float.PositiveInfinity, "F32 [] and holds *")]
    public void An_alpha_that_is_no_number(float alpha, string what)
    {
        CheckpointException e = Assert.Throws<CheckpointException>(() => LoraFiles.Of(
            [LoraFiles.Item("m.alpha", [alpha]), .. LoraFiles.Module("m", 4, 8)]));
        Assert.Matches(Wildcard.Pattern($"made: tensor 'm.alpha' is {what}, but must be one finite number"), e.Message);
    }
}
