using System;
using System.IO;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Weights;
using Xunit;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>One model in every form it comes in is one model.</summary>
public sealed class LoadingTests : IDisposable
{
    private const string ControlPrefix = "control_model.";

    private static readonly string s_file = TinyPipeline.ModelPath("single-file", "sd1-tiny.f32.safetensors");
    private static readonly string s_control = TinyPipeline.ModelPath("single-file", "control-canny.f32.safetensors");

    private static readonly LoadOptions s_options = new()
    {
        ConfigsFrom = TinyPipeline.ModelPath(TinyPipeline.Sd1),
        Tokenizer = TinyPipeline.ModelPath(TinyPipeline.Sd1, "tokenizer"),
    };

    private readonly Device _device = Devices.Cpu(2);
    private readonly ScratchFolder _folder = new();

    public void Dispose()
    {
        _folder.Dispose();
        Assert.Equal((0L, 0L), (_device.BlocksInUse, _device.BytesInUse));
        _device.Dispose();
    }

    [Fact]
    public void A_file_a_stream_and_bytes_give_the_image_of_the_folder()
    {
        GeneratedImage expected = ImageOf(TinyPipeline.Load(_device), "sd1-tiny");
        TinyPipeline.AssertSame(expected, ImageOf(StableDiffusion.Load(s_file, _device, s_options), "sd1-tiny.f32"));

        byte[] bytes = File.ReadAllBytes(s_file);
        TinyPipeline.AssertSame(expected, ImageOf(StableDiffusion.Load(bytes, _device, s_options), "memory"));
        using FileStream seekable = File.OpenRead(s_file);
        TinyPipeline.AssertSame(expected, ImageOf(StableDiffusion.Load(seekable, _device, s_options), "stream"));
        Assert.True(seekable.CanRead);
        using Forward forward = new(bytes);
        TinyPipeline.AssertSame(expected, ImageOf(StableDiffusion.Load(forward, _device, s_options), "stream"));
        Assert.True(forward.CanRead);
    }

    [Fact]
    public void A_stream_may_begin_before_the_file()
    {
        GeneratedImage expected = ImageOf(TinyPipeline.Load(_device), "sd1-tiny");
        using MemoryStream stream = new([.. new byte[123], .. File.ReadAllBytes(s_file)]);
        stream.Position = 123;
        TinyPipeline.AssertSame(expected, ImageOf(StableDiffusion.Load(stream, _device, s_options), "stream"));
    }

    [Fact]
    public void The_tokenizer_is_found_beside_a_file()
    {
        string path = _folder.Path("model.safetensors");
        File.Copy(s_file, path);
        LoadOptions options = new() { ConfigsFrom = Path.Combine(_folder.Root, "configs") };
        foreach (string part in (string[])["unet", "vae", "text_encoder"])
        {
            string config = TinyPipeline.ModelPath(TinyPipeline.Sd1, part, "config.json");
            File.Copy(config, _folder.Path("configs", part, "config.json"));
        }

        TokenizerRefusal(path, options);
        foreach (string name in (string[])["vocab.json", "merges.txt"])
        {
            File.Copy(TinyPipeline.ModelPath(TinyPipeline.Sd1, "tokenizer", name), _folder.Path("tokenizer", name));
        }

        // Its scheduler is the one of SD 1.5 itself, which is what the folder's file says.
        GeneratedImage expected = ImageOf(TinyPipeline.Load(_device), "sd1-tiny");
        TinyPipeline.AssertSame(expected, ImageOf(StableDiffusion.Load(path, _device, options), "model"));
    }

    [Fact]
    public void Half_files_and_half_storage_stay_near_and_take_half()
    {
        LoadOptions options = s_options with { WeightGrowth = WeightGrowth.None };
        (GeneratedImage full, long fullBytes) = Load(options with { WeightStorage = DType.F32 }, "sd1-tiny.f32");
        (GeneratedImage file, long fileBytes) = Load(options, "sd1-tiny.f16");
        (GeneratedImage half, long halfBytes) = Load(options with { WeightStorage = DType.F16 }, "sd1-tiny.f32");
        (GeneratedImage brain, long brainBytes) = Load(options with { WeightStorage = DType.BF16 }, "sd1-tiny.f32");
        (GeneratedImage wide, long wideBytes) = Load(options with { WeightStorage = DType.F32 }, "sd1-tiny.f16");
        (GeneratedImage kept, long keptBytes) = Load(options, "sd1-tiny.f32");

        TinyPipeline.AssertSame(full, kept);
        Assert.Equal((fullBytes, fullBytes), (keptBytes, wideBytes));
        Assert.Equal((halfBytes, halfBytes), (fileBytes, brainBytes));

        // Biases and norms stay F32, and blocks of a few hundred bytes are rounded to 64.
        Assert.InRange((double)halfBytes / fullBytes, 0.5, 0.75);
        TinyPipeline.AssertSame(file, wide);
        AssertNear(full, file, 0.02);
        AssertNear(full, half, 0.02);
        AssertNear(full, brain, 0.15);
        TinyPipeline.AssertDifferent(full, brain);
    }

    [Fact]
    public void Stable_Diffusion_2()
    {
        using StableDiffusion model = TinyPipeline.Load(_device, TinyPipeline.Sd2);
        Assert.Equal(ModelVersion.StableDiffusion2, model.Report.Version);
        GeneratedImage folder = model.Generate(TinyPipeline.Request with { Width = null });
        Assert.Equal((model.NativeSize, 24), (folder.Image.Width, folder.Image.Height));

        string configs = TinyPipeline.ModelPath(TinyPipeline.Sd2);
        LoadOptions options = new() { ConfigsFrom = configs, WeightStorage = DType.F32 };
        using StableDiffusion single = StableDiffusion.Load(
            TinyPipeline.ModelPath("single-file", "sd2-tiny.f16.safetensors"), _device, options);
        AssertNear(folder, single.Generate(TinyPipeline.Request with { Width = null }), 0.05);
    }

    [Fact]
    public void A_ControlNet_in_each_layout()
    {
        string bare = _folder.Path("bare.safetensors");
        WriteWithoutPrefix(s_control, bare);
        CheckpointOptions options = new() { ConfigsFrom = TinyPipeline.ModelPath(TinyPipeline.Canny) };
        using StableDiffusion model = TinyPipeline.Load(_device);
        GeneratedImage Of(ControlNetModel net, string name)
        {
            using (net)
            {
                Assert.Equal(name, net.Name);
                Assert.Empty(net.Loaded!.Leftovers);
                ControlInput control = new() { Net = net, Image = TinyPipeline.Hint(40, 24), Scale = 1.5f };
                return model.Generate(TinyPipeline.Request with { Controls = [control] });
            }
        }

        GeneratedImage expected = Of(TinyPipeline.LoadNet(_device), TinyPipeline.Canny);
        TinyPipeline.AssertDifferent(expected, model.Generate(TinyPipeline.Request));
        TinyPipeline.AssertSame(expected, Of(ControlNetModel.Load(s_control, _device, options), "control-canny.f32"));
        TinyPipeline.AssertSame(expected, Of(ControlNetModel.Load(bare, _device, options), "bare"));
        byte[] bytes = File.ReadAllBytes(bare);
        TinyPipeline.AssertSame(expected, Of(ControlNetModel.Load(bytes, _device, options), "memory"));
        using Forward forward = new(bytes);
        TinyPipeline.AssertSame(expected, Of(ControlNetModel.Load(forward, _device, options), "stream"));
        TinyPipeline.AssertSame(
            expected, Of(ControlNetModel.Load(s_control, _device, options, DType.F32), "control-canny.f32"));
    }

    [Fact]
    public void A_dot_in_the_name_of_a_folder_is_no_extension()
    {
        _folder.CopyGolden("models/sd1-tiny");
        _folder.CopyGolden("models/controlnet-tiny-canny");
        string model = Path.Combine(_folder.Root, "stable-diffusion-v1.5");
        string net = Path.Combine(_folder.Root, "canny-1.1");
        Directory.Move(Path.Combine(_folder.Root, "models", "sd1-tiny"), model);
        Directory.Move(Path.Combine(_folder.Root, "models", "controlnet-tiny-canny"), net);
        using StableDiffusion loaded = StableDiffusion.Load(model + Path.DirectorySeparatorChar, _device);
        using ControlNetModel loadedNet = ControlNetModel.Load(net, _device);
        Assert.Equal(("stable-diffusion-v1.5", "canny-1.1"), (loaded.Name, loadedNet.Name));
    }

    [Fact]
    public void What_cannot_be_loaded_leaves_nothing()
    {
        byte[] bytes = File.ReadAllBytes(s_file);
        Assert.Throws<SafeTensorsException>(
            () => StableDiffusion.Load(bytes.AsMemory(0, bytes.Length / 2), _device, s_options));
        Assert.Throws<CheckpointException>(() => StableDiffusion.Load(s_control, _device));
        Assert.Throws<CheckpointException>(() => ControlNetModel.Load(s_file, _device));
        Assert.Throws<CheckpointException>(() => TinyPipeline.Load(_device, TinyPipeline.Canny));
        Assert.ThrowsAny<EngineException>(() => StableDiffusion.Load(_folder.Path("missing.safetensors"), _device));
        Assert.Throws<ArgumentException>(() => StableDiffusion.Load(string.Empty, _device));
        Assert.Throws<ArgumentNullException>(() => StableDiffusion.Load(s_file, null!, s_options));
        Assert.Throws<ArgumentException>(
            () => StableDiffusion.Load(s_file, _device, s_options with { WeightStorage = DType.I32 }));
        Assert.Equal(0, _device.BlocksInUse);
    }

    private void TokenizerRefusal(string path, LoadOptions options) => Assert.Equal(
        $"{path} carries no tokenizer; name one with LoadOptions.Tokenizer (--tokenizer): a folder with vocab.json " +
        "and merges.txt, or bpe_simple_vocab_16e6.txt.gz",
        Assert.ThrowsAny<EngineException>(() => StableDiffusion.Load(path, _device, options)).Message);

    private (GeneratedImage Image, long Bytes) Load(LoadOptions options, string file)
    {
        StableDiffusion model = StableDiffusion.Load(
            TinyPipeline.ModelPath("single-file", $"{file}.safetensors"), _device, options);
        long bytes = model.WeightBytes;
        Assert.InRange(_device.BytesInUse - bytes, 0, 63 * _device.BlocksInUse);
        return (ImageOf(model, file), bytes);
    }

    private static GeneratedImage ImageOf(StableDiffusion model, string name)
    {
        using (model)
        {
            Assert.Equal(name, model.Name);
            Assert.Empty(model.Report.Leftovers);
            return model.Generate(TinyPipeline.Request);
        }
    }

    /// <summary>Largest difference of the latents, relative to their largest magnitude.</summary>
    private static void AssertNear(GeneratedImage expected, GeneratedImage actual, double limit)
    {
        float scale = expected.Latents.ToArray().Max(MathF.Abs);
        float worst = expected.Latents.ToArray().Zip(actual.Latents.ToArray(), (a, b) => MathF.Abs(a - b)).Max();
        Assert.InRange(worst / scale, 0, limit);
    }

    private static void WriteWithoutPrefix(string from, string to)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(from);
        Assert.All(file.Entries.Keys, name => Assert.StartsWith(ControlPrefix, name, StringComparison.Ordinal));
        SafeTensorsWriter.Write(to, file.Entries.Values.Select(entry => new SafeTensorsItem(
            entry.Name[ControlPrefix.Length..], entry.DType, [.. entry.Shape], () => file.ReadAll(entry.Name))));
    }

    /// <summary>Bytes that come in pieces and cannot be gone back to, as from a network.</summary>
    private sealed class Forward(byte[] bytes) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override long Seek(long offset, SeekOrigin loc) => throw new NotSupportedException();

        public override int Read(byte[] buffer, int offset, int count) =>
            base.Read(buffer, offset, Math.Min(count, 4099));

        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(buffer.Length, 4099)]);
    }
}
