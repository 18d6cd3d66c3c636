using System;
using System.Buffers.Binary;
using System.IO;
using System.Linq;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tests.Imaging;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Weights;
using Xunit;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>Hints that come from files.</summary>
public sealed class HintFileTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_PNG_of_8_bits_is_a_picture()
    {
        string path = _folder.Path("hint.png");
        RgbImage image = TinyPipeline.Hint(7, 5);
        image.Save(path);
        ControlHint hint = ControlHint.Load(path);
        Assert.Equal(image.ToFloats(PixelRange.ZeroToOne), hint.ToFloats());
        Assert.Equal("7 x 5, 3 channels of 8 bits", hint.ToString());
    }

    [Fact]
    public void A_PNG_of_16_bits_keeps_them()
    {
        string grey = _folder.Path("grey.png"), withAlpha = _folder.Path("alpha.png");
        File.WriteAllBytes(grey, PngBytes.File(
            PngBytes.Header(2, 1, depth: 16, color: 0),
            PngBytes.Chunk("IDAT", PngBytes.Zlib(0, 0x12, 0x34, 0xff, 0xfe)), PngBytes.Chunk("IEND")));
        File.WriteAllBytes(withAlpha, PngBytes.File(
            PngBytes.Header(3, 1, depth: 16, color: 4),
            PngBytes.Chunk("IDAT", PngBytes.Zlib(0, 0x12, 0x34, 0xff, 0xff, 0, 0, 0, 0, 0x80, 0, 0x80, 0)),
            PngBytes.Chunk("IEND")));
        float[] values = ControlHint.Load(grey).ToFloats();
        Assert.Equal(Enumerable.Repeat(0x1234 / 65535f, 3).Concat(Enumerable.Repeat(0xfffe / 65535f, 3)), values);

        // Over white: opaque, transparent, half.
        float[] laid = ControlHint.Load(withAlpha).ToFloats();
        Assert.Equal((0x1234 / 65535f, 1f), (laid[0], laid[3]));
        Assert.Equal(0.75f, laid[6], 1e-4f);
    }

    [Fact]
    public void Floats_come_in_either_order()
    {
        float[] pixels = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]; // [3, 2, 2]: 3 rows, 2 columns
        float[] planes = [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11]; // [1, 2, 3, 2]
        ControlHint rows = ControlHint.Load(Write("rows.safetensors", pixels, 3, 2, 2));
        ControlHint torch = ControlHint.Load(Write("torch.SAFETENSORS", planes, 1, 2, 3, 2));
        Assert.Equal((2, 3, 2), (rows.Width, rows.Height, rows.Channels));
        Assert.Equal((2, 3, 2), (torch.Width, torch.Height, torch.Channels));
        Assert.Equal(pixels, rows.ToFloats());
        Assert.Equal(pixels, torch.ToFloats());
    }

    [Fact]
    public void What_is_no_hint_is_refused_by_name()
    {
        AssertRefused<ImageFormatException>(
            Write("flat.safetensors", new float[6], 2, 3),
            "'hint' must be F32 [H, W, C] or [1, C, H, W], got F32 [2, 3]");
        AssertRefused<ImageFormatException>(
            Write("two.safetensors", new float[24], 2, 3, 2, 2),
            "'hint' must be F32 [H, W, C] or [1, C, H, W], got F32 [2, 3, 2, 2]");
        AssertRefused<ImageFormatException>(
            Write("nan.safetensors", [0, float.NaN], 1, 1, 2), "element 1 of 'hint' is NaN, but must be finite");
        string other = _folder.Path("other.safetensors");
        SafeTensorsWriter.Write(
            other, [new("b", "F32", [1], () => new byte[4]), new("a", "F32", [1], () => new byte[4])]);
        AssertRefused<ImageFormatException>(other, "has no tensor 'hint'; it has 'a', 'b'");
        string half = _folder.Path("half.safetensors");
        SafeTensorsWriter.Write(half, [new("hint", "F16", [1, 1, 2], () => new byte[4])]);
        AssertRefused<ImageFormatException>(
            half, "'hint' must be F32 [H, W, C] or [1, C, H, W], got F16 [1, 1, 2]");
        string png = _folder.Path("png.safetensors");
        TinyPipeline.Hint(2, 2).Save(png);
        Assert.Throws<SafeTensorsException>(() => ControlHint.Load(png));
        Assert.Throws<ImageFileException>(() => ControlHint.Load(_folder.Path("none.png")));
    }

    private static void AssertRefused<TException>(string path, string sentence)
        where TException : Exception =>
        Assert.EndsWith(
            $"{Path.GetFileName(path)}: {sentence}",
            Assert.Throws<TException>(() => ControlHint.Load(path)).Message, StringComparison.Ordinal);

    private string Write(string name, float[] values, params long[] shape)
    {
        byte[] bytes = new byte[4 * values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(4 * i), values[i]);
        }

        string path = _folder.Path(name);
        SafeTensorsWriter.Write(path, [new SafeTensorsItem("hint", "F32", shape, () => bytes)]);
        return path;
    }
}
