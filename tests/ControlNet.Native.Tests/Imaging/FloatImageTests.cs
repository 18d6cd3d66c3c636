using System;
using System.IO;
using System.Linq;
using ControlNet.Native.Imaging;
using ControlNet.Native.Preprocessing;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Weights;
using Xunit;

namespace ControlNet.Native.Tests.Imaging;

public sealed class FloatImageTests
{
    [Fact]
    public void A_file_holds_every_value()
    {
        using ScratchFolder scratch = new();
        FloatImage image = new(2, 3, 3, [.. Enumerable.Range(0, 18).Select(i => (i - 9) / 7f)]);
        string path = scratch.Path("hint.safetensors");

        image.Save(path);

        FloatImage read = FloatImage.Load(path);
        Assert.Equal((2, 3, 3), (read.Width, read.Height, read.Channels));
        Assert.Equal(image.Values.ToArray(), read.Values.ToArray());
    }

    [Theory]
    [InlineData(new long[] { 3, 5 }, 5, 3, 1)]
    [InlineData(new long[] { 3, 5, 1 }, 5, 3, 1)]
    [InlineData(new long[] { 1, 3, 5 }, 5, 3, 1)]
    [InlineData(new long[] { 1, 1, 3, 5 }, 5, 3, 1)]
    [InlineData(new long[] { 1, 5, 3 }, 5, 1, 3)]
    [InlineData(new long[] { 1, 5, 1, 3 }, 1, 5, 3)]
    public void Extents_of_1_in_front_do_not_count(long[] shape, int width, int height, int channels)
    {
        using ScratchFolder scratch = new();
        string path = Write(scratch, "F32", shape, new float[15]);
        FloatImage read = FloatImage.Load(path);
        Assert.Equal((width, height, channels), (read.Width, read.Height, read.Channels));
    }

    [Fact]
    public void Other_tensors_are_refused()
    {
        using ScratchFolder scratch = new();
        Assert.Matches(
            @"'a' is F32 \[2, 3, 5\], but must be F32 \[height, width\]",
            Assert.Throws<ImageFormatException>(
                () => FloatImage.Load(Write(scratch, "F32", [2, 3, 5], new float[30]))).Message);
        Assert.Matches(
            "'a' is I32",
            Assert.Throws<ImageFormatException>(
                () => FloatImage.Load(Write(scratch, "I32", [3, 5], new float[15]))).Message);
        Assert.Matches(
            "element 1 of 'a' is NaN, but must be finite",
            Assert.Throws<ImageFormatException>(
                () => FloatImage.Load(Write(scratch, "F32", [1, 2], [0, float.NaN]))).Message);
        string two = scratch.Path("two.safetensors");
        SafeTensorsWriter.Write(two, [Item("a", "F32", [1], new float[1]), Item("b", "F32", [1], new float[1])]);
        Assert.Matches(
            "has 2 tensors, but a picture is the only one",
            Assert.Throws<ImageFormatException>(() => FloatImage.Load(two)).Message);
    }

    [Fact]
    public void Values_that_do_not_fit_are_refused()
    {
        Assert.Matches(
            "^FloatImage: 2 x 2 pixels of 1 channels and 3 values; ",
            Assert.Throws<ShapeException>(() => new FloatImage(2, 2, 1, [1, 2, 3])).Message);
        Assert.Equal(
            "FloatImage: value 1 is NaN, but must be finite",
            Assert.Throws<ShapeException>(() => new FloatImage(2, 1, 1, [1, float.NaN])).Message);
        Assert.Equal(
            "FloatImage.ToRgb: 2 channels; a picture has 1 or 3",
            Assert.Throws<ShapeException>(
                () => new FloatImage(1, 1, 2, [1, 2]).ToRgb(PixelRange.ZeroToOne)).Message);
    }

    [Fact]
    public void One_channel_becomes_grey() => Assert.Equal(
        [0, 0, 0, 128, 128, 128, 255, 255, 255],
        new FloatImage(3, 1, 1, [-1, 0.5f, 2]).ToRgb(PixelRange.ZeroToOne).Pixels.ToArray());

    [Fact]
    public void A_depth_map_keeps_its_16_bits()
    {
        using ScratchFolder scratch = new();
        string folder = Repository.Golden("png", "valid");
        string file = Directory.EnumerateFiles(folder, "*16*.png")
            .First(path => PngImage.Load(path) is { BitDepth: 16 } png && png.ToRgba16().Any(v => v % 257 != 0));
        ushort[] rgba = PngImage.Load(file).ToRgba16();

        FloatImage depth = DepthMap.Load(file);

        Assert.Equal(1, depth.Channels);
        for (int i = 0; i < depth.Values.Length; i++)
        {
            double luminance =
                ((9798.0 * rgba[4 * i]) + (19235.0 * rgba[(4 * i) + 1]) + (3735.0 * rgba[(4 * i) + 2])) / 32768;
            Assert.Equal(luminance / 257, depth.Values[i], 0.5 / 257 + 1e-4);
        }

        FloatImage floats = new(2, 1, 1, [3.5f, 1e4f]);
        floats.Save(scratch.Path("depth.safetensors"));
        Assert.Equal([3.5f, 1e4f], DepthMap.Load(scratch.Path("depth.safetensors")).Values.ToArray());
        new FloatImage(1, 1, 3, [1, 2, 3]).Save(scratch.Path("depth.safetensors"));
        Assert.Matches(
            "has 3 channels, but a depth map has 1",
            Assert.Throws<ImageFormatException>(() => DepthMap.Load(scratch.Path("depth.safetensors"))).Message);
    }

    private static string Write(ScratchFolder scratch, string type, long[] shape, float[] values)
    {
        string path = scratch.Path("a.safetensors");
        SafeTensorsWriter.Write(path, [Item("a", type, shape, values)]);
        return path;
    }

    private static SafeTensorsItem Item(string name, string type, long[] shape, float[] values)
    {
        byte[] bytes = new byte[values.Length * sizeof(float)];
        Buffer.BlockCopy(values, 0, bytes, 0, bytes.Length);
        return new SafeTensorsItem(name, type, shape, () => bytes);
    }
}
