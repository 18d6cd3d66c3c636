using System;
using System.IO;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Loras;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Weights;
using Xunit;

namespace ControlNet.Native.Tests.WeightTests;

/// <summary>Types, parts of a file, and another base for a ControlNet.</summary>
public sealed class ConvertChangeTests : IDisposable
{
    private const string Prefix = "control_model.", Hint = "control_model.input_hint_block.";

    private static readonly string s_canny = Golden("single-file", "control-canny.f32.safetensors");
    private static readonly string s_sd1 = Golden("single-file", "sd1-tiny.f32.safetensors");

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static string Golden(params string[] parts) => Repository.Golden(["models", .. parts]);

    [Theory]
    [InlineData(DType.F16)]
    [InlineData(DType.BF16)]
    [InlineData(DType.F32)]
    public void Weights_are_rounded_and_buffers_are_not(DType type)
    {
        string path = _folder.Path("out.safetensors");
        CheckpointConverter.Convert(s_sd1, path, new ConvertOptions { Type = type });
        TensorSet source = TensorSet.Read(s_sd1), written = TensorSet.Read(path);
        Assert.Equal(source.Keys, written.Keys);
        foreach ((string name, (string stored, long[] shape, byte[] bytes)) in written)
        {
            bool isKept = name is "betas" or "alphas_cumprod"
                || name.EndsWith("position_ids", StringComparison.Ordinal);
            Assert.Equal(isKept ? source[name].Type : type.Name(), stored);
            Assert.Equal(source[name].Shape, shape);
            byte[] expected = source[name].Bytes;
            if (!isKept && type != DType.F32)
            {
                expected = new byte[bytes.Length];
                ElementConversion.Narrow(stored, source.Floats(name), expected);
            }

            Assert.True(expected.AsSpan().SequenceEqual(bytes), name);
        }

        // The golden file of halves was rounded by another implementation, its buffers as well.
        if (type == DType.F16)
        {
            TensorSet halves = TensorSet.Read(Golden("single-file", "sd1-tiny.f16.safetensors"));
            _ = (halves.Remove("betas"), halves.Remove("alphas_cumprod"));
            TensorSet.AssertHolds(halves, written);
        }
    }

    [Fact]
    public void A_narrow_type_comes_back_from_a_wide_one()
    {
        string wide = _folder.Path("wide.safetensors"), back = _folder.Path("back.safetensors");
        string source = Golden("single-file", "sd2-tiny.f16.safetensors");
        CheckpointConverter.Convert(source, wide, new ConvertOptions { Type = DType.F32 });
        CheckpointConverter.Convert(wide, back, new ConvertOptions { Type = DType.F16 });
        TensorSet.AssertSame(TensorSet.Read(source), TensorSet.Read(back));
    }

    [Theory]
    [InlineData("F16", DType.F16, 65520f, true)]
    [InlineData("F16", DType.F16, 65519.996f, false)]
    [InlineData("BF16", DType.BF16, 3.4e38f, true)]
    [InlineData("F16", DType.F16, float.PositiveInfinity, false)]
    public void A_value_that_the_type_cannot_hold(string name, DType type, float value, bool isRefused)
    {
        string source = _folder.Path("in.safetensors"), path = _folder.Path("out.safetensors");
        TensorSet tensors = TensorSet.Read(s_canny);
        BitConverter.TryWriteBytes(tensors["control_model.time_embed.0.bias"].Bytes, value);
        tensors.Write(source);
        ConvertOptions options = new() { Type = type };
        if (!isRefused)
        {
            CheckpointConverter.Convert(source, path, options);
            return;
        }

        CheckpointException refused =
            Assert.Throws<CheckpointException>(() => CheckpointConverter.Convert(source, path, options));
        Assert.Matches(
            Wildcard.Pattern($"tensor 'control_model.time_embed.0.bias' has the value *, which {name} cannot hold; *"),
            refused.Message);
        Assert.Equal(["in.safetensors"], TensorSet.Listing(_folder.Root));
    }

    [Fact]
    public void A_control_network_is_taken_out_of_a_full_file()
    {
        string full = FullFile();
        string file = _folder.Path("control.safetensors"), folder = _folder.Path("control");
        ConvertOptions only = new()
        {
            Only = ModelPart.ControlNet,
            Source = new CheckpointOptions { ConfigsFrom = Golden("controlnet-tiny-canny") },
        };
        ConvertReport report = CheckpointConverter.Convert(full, file, only);
        TensorSet.AssertSame(TensorSet.Read(s_canny), TensorSet.Read(file));
        Assert.Equal(["alphas_cumprod", "betas"], report.LeftOut);

        CheckpointConverter.Convert(full, folder, only);
        TensorSet.AssertSame(
            TensorSet.Read(Golden("controlnet-tiny-canny", "diffusion_pytorch_model.safetensors")),
            TensorSet.Read(Path.Combine(folder, "diffusion_pytorch_model.safetensors")));
    }

    [Fact]
    public void A_full_file_there_and_back()
    {
        string full = FullFile(), folder = _folder.Path("folder"), back = _folder.Path("back.safetensors");
        using (Checkpoint golden = Checkpoint.Open(Golden("sd1-tiny")))
        using (Checkpoint control = Checkpoint.Open(Golden("controlnet-tiny-canny")))
        {
            CheckpointConverter.Convert(full, folder, new ConvertOptions
            {
                Source = new CheckpointOptions
                {
                    Unet = golden.Unet!.Config, Vae = golden.Vae!.Config, Text = golden.Text!.Config,
                    ControlNet = control.ControlNet!.Config,
                },
            });
        }

        using Checkpoint written = Checkpoint.OpenControlNet(folder);
        written.RequireModel();
        CheckpointConverter.Convert(folder, back);
        TensorSet.AssertSame(TensorSet.Read(full), TensorSet.Read(back));
    }

    [Theory]
    [InlineData(ModelPart.Vae, "")]
    [InlineData(ModelPart.Unet, "model.diffusion_model.")]
    [InlineData(ModelPart.TextEncoder, "cond_stage_model.transformer.")]
    public void A_part_alone(ModelPart part, string prefix)
    {
        string fromFile = _folder.Path("a.safetensors"), fromFolder = _folder.Path("b.safetensors");
        ConvertOptions only = new() { Only = part };
        CheckpointConverter.Convert(s_sd1, fromFile, only);
        CheckpointConverter.Convert(Golden("sd1-tiny"), fromFolder, only);
        TensorSet one = TensorSet.Read(fromFile), other = TensorSet.Read(fromFolder);
        TensorSet.AssertSame(one, other);
        Assert.All(one.Keys, name => Assert.StartsWith(prefix, name, StringComparison.Ordinal));
        using Checkpoint opened = Checkpoint.Open(fromFile);
        Assert.Equal(
            (part == ModelPart.Unet, part == ModelPart.Vae, part == ModelPart.TextEncoder),
            (opened.Unet is not null, opened.Vae is not null, opened.Text is not null));
    }

    [Fact]
    public void A_transfer_between_equal_bases_changes_nothing()
    {
        string path = _folder.Path("out.safetensors");
        CheckpointConverter.Convert(s_canny, path, new ConvertOptions
        {
            TransferFrom = Golden("sd1-tiny"), TransferTo = s_sd1,
        });
        TensorSet.AssertSame(TensorSet.Read(s_canny), TensorSet.Read(path));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(DType.F16)]
    public void A_transfer_adds_the_difference_of_the_bases(DType? type)
    {
        string changed = _folder.Path("base.safetensors"), path = _folder.Path("out.safetensors");
        TensorSet older = TensorSet.Read(s_sd1), newer = TensorSet.Read(s_sd1), control = TensorSet.Read(s_canny);
        Random random = new(3);
        foreach (string name in newer.Keys.Where(name =>
            name.StartsWith("model.diffusion_model.", StringComparison.Ordinal)))
        {
            float[] moved = [.. newer.Floats(name).Select(v => v + (float)(random.NextDouble() - 0.5))];
            ElementConversion.Narrow("F32", moved, newer[name].Bytes);
        }

        newer.Write(changed);
        CheckpointConverter.Convert(FullFile(), path, new ConvertOptions
        {
            TransferFrom = s_sd1, TransferTo = changed, Type = type,
        });
        TensorSet written = TensorSet.Read(path);
        Assert.Equal(control.Keys, written.Keys);
        int moves = 0;
        foreach (string name in control.Keys)
        {
            string ofBase = "model.diffusion_model." + name[Prefix.Length..];
            bool isOwn = name.StartsWith(Hint, StringComparison.Ordinal)
                || name.Contains("zero_convs", StringComparison.Ordinal)
                || name.Contains("middle_block_out", StringComparison.Ordinal);
            float[] before = control.Floats(name), after = written.Floats(name);
            float[] from = isOwn ? before : older.Floats(ofBase), to = isOwn ? before : newer.Floats(ofBase);
            moves += isOwn ? 0 : 1;
            for (int i = 0; i < before.Length; i++)
            {
                float expected = (float)(before[i] + ((double)to[i] - from[i]));
                Assert.Equal(type == DType.F16 ? (float)(Half)expected : expected, after[i]);
            }
        }

        Assert.Equal(338 - 42, moves);
    }

    [Fact]
    public void A_transfer_between_families_is_refused()
    {
        string path = _folder.Path("out.safetensors");
        CheckpointException refused = Assert.Throws<CheckpointException>(() => CheckpointConverter.Convert(
            s_canny, path, new ConvertOptions { TransferFrom = s_sd1, TransferTo = Golden("sd2-tiny") }));
        Assert.Matches(
            Wildcard.Pattern("*sd2-tiny: weight '*' is [*], that of the ControlNet [*]; take bases of the family *"),
            refused.Message);
        Assert.Matches(
            Wildcard.Pattern("*: has no UNet; a ControlNet is transferred between base models"),
            Assert.Throws<CheckpointException>(() => CheckpointConverter.Convert(
                s_canny, path, new ConvertOptions { TransferFrom = s_canny, TransferTo = s_sd1 })).Message);
        Assert.Empty(TensorSet.Listing(_folder.Root));
    }

    [Fact]
    public void LoRA_are_merged_whatever_the_layout()
    {
        string file = _folder.Path("merged.safetensors"), folder = _folder.Path("merged");
        using Lora lora = LoraFiles.Open(LoraFiles.Kohya), second = LoraFiles.Open(LoraFiles.Locon);
        ConvertOptions options = new() { Loras = [new(lora, 0.8f), new(second, 1.5f)] };
        ConvertReport report = CheckpointConverter.Convert(Golden("sd1-tiny"), folder, options);
        CheckpointConverter.Convert(Golden("sd1-tiny"), file, options);
        Assert.Equal(2, report.Loras.Count);
        Assert.All(report.Loras, merged => Assert.True(merged.AppliedCount > 0));

        using Checkpoint plain = Checkpoint.Open(Golden("sd1-tiny")), written = Checkpoint.Open(folder);
        using Checkpoint single = Checkpoint.Open(file);
        LoraMerge merge = LoraMerge.Into(plain, options.Loras);
        int changed = 0;
        foreach ((string name, WeightSlot slot) in plain.Unet!.Weights.Slots)
        {
            byte[] stored = slot.File.ReadAll(slot.Entry.Name);
            ReadOnlySpan<byte> expected = merge.Merge(LoraNetwork.Unet, name, "F32", stored).Span;
            changed += expected.SequenceEqual(stored) ? 0 : 1;
            foreach (Checkpoint actual in new[] { written, single })
            {
                WeightSlot own = actual.Unet!.Weights.Slots[name];
                Assert.True(expected.SequenceEqual(own.File.ReadAll(own.Entry.Name)), name);
            }
        }

        Assert.True(changed > 100, $"{changed} weights changed");
    }

    [Fact]
    public void LoRA_change_their_part_of_a_fused_weight_alone()
    {
        const string block = "cond_stage_model.model.transformer.resblocks.1.attn.in_proj_weight";
        string path = _folder.Path("merged.safetensors");
        string source = Golden("single-file", "sd2-tiny.f16.safetensors");
        using Lora lora = LoraFiles.Of(
            LoraFiles.Module("lora_te_text_model_encoder_layers_1_self_attn_k_proj", 32, 32));
        CheckpointConverter.Convert(
            source, path, new ConvertOptions { Loras = [new(lora)], LorasMustApply = true });
        TensorSet before = TensorSet.Read(source), after = TensorSet.Read(path);
        Assert.Equal([block], before.Keys.Where(name => !before[name].Bytes.SequenceEqual(after[name].Bytes)));
        (byte[] old, byte[] merged) = (before[block].Bytes, after[block].Bytes);
        int part = old.Length / 3;
        Assert.True(old.AsSpan(0, part).SequenceEqual(merged.AsSpan(0, part)));
        Assert.False(old.AsSpan(part, part).SequenceEqual(merged.AsSpan(part, part)));
        Assert.True(old.AsSpan(2 * part).SequenceEqual(merged.AsSpan(2 * part)));
    }

    /// <summary>A base with a ControlNet in one file, as training of the original code leaves it.</summary>
    private string FullFile()
    {
        TensorSet full = TensorSet.Read(s_sd1);
        foreach ((string name, (string, long[], byte[]) tensor) in TensorSet.Read(s_canny))
        {
            full.Add(name, tensor);
        }

        string path = Path.Combine(_folder.Root, "full.safetensors");
        full.Write(path);
        return path;
    }
}
