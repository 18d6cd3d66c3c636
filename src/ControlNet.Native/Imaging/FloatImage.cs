using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Imaging;

/// <summary>
/// A picture or map of floats, <c>[Height, Width, Channels]</c>, row by row from the top left: depth, normals, hints
/// beyond [0, 1]. Immutable; may be shared between threads.
/// </summary>
public sealed class FloatImage
{
    /// <summary>Most channels.</summary>
    public const int MaxChannels = 4;

    private readonly float[] _values;

    /// <summary>Copies values.</summary>
    /// <param name="width">Pixels of a row, from 1.</param>
    /// <param name="height">Rows, from 1.</param>
    /// <param name="channels">Values of a pixel, 1 to <see cref="MaxChannels"/>.</param>
    /// <param name="values">Exactly <c>height * width * channels</c> finite values.</param>
    /// <exception cref="ShapeException">The sizes do not fit together, or a value is not finite.</exception>
    public FloatImage(int width, int height, int channels, ReadOnlySpan<float> values)
        : this(Checked(width, height, channels, values).ToArray(), width, height, channels) { }

    private FloatImage(float[] values, int width, int height, int channels)
    {
        Width = width;
        Height = height;
        Channels = channels;
        _values = values;
    }

    /// <summary>Pixels of a row.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>Values of a pixel.</summary>
    public int Channels { get; }

    /// <summary>The values, <c>[Height, Width, Channels]</c>. Valid as long as this picture is.</summary>
    public ReadOnlySpan<float> Values => _values;

    /// <summary>
    /// Reads the only tensor of a safetensors file: F32, <c>[H, W]</c> or <c>[H, W, C]</c>, with extents of 1 in front
    /// or not.
    /// </summary>
    /// <exception cref="SafeTensorsException">The file cannot be read or is damaged.</exception>
    /// <exception cref="ImageFormatException">It holds something else.</exception>
    public static FloatImage Load(string path)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        if (file.Entries.Count != 1)
        {
            throw new ImageFormatException(path, $"has {file.Entries.Count} tensors, but a picture is the only one");
        }

        SafeTensorsEntry entry = file.Entries.Values.First();
        List<long> shape = PictureShape(entry.Shape);
        if (entry.DType != "F32" || shape.Count != 3 || shape[2] is < 1 or > MaxChannels || shape[0] < 1
            || shape[1] < 1 || shape[0] > RgbImage.MaxPixels / shape[1])
        {
            throw new ImageFormatException(
                path,
                $"'{entry.Name}' is {entry.DType} {entry.ShapeText}, but must be F32 [height, width] or " +
                $"[height, width, 1 to {MaxChannels}] of at most {RgbImage.MaxPixels} pixels");
        }

        float[] values = WeightElements.Widen("F32", file.ReadAll(entry.Name));
        for (int i = 0; i < values.Length; i++)
        {
            if (!float.IsFinite(values[i]))
            {
                throw new ImageFormatException(
                    path, $"element {i} of '{entry.Name}' is {values[i]}, but must be finite");
            }
        }

        return Own((int)shape[1], (int)shape[0], (int)shape[2], values);
    }

    /// <summary>
    /// Writes a safetensors file with one F32 tensor <c>[Height, Width, Channels]</c>. Readers of the path see the old
    /// file or the whole new one.
    /// </summary>
    /// <param name="path">The file; its folder must exist.</param>
    /// <param name="name">The name of the tensor.</param>
    /// <exception cref="SafeTensorsException">The file cannot be written.</exception>
    public void Save(string path, string name = "image")
    {
        byte[] bytes = WeightElements.Narrow("F32", _values);
        SafeTensorsWriter.Write(path, [new SafeTensorsItem(name, "F32", [Height, Width, Channels], () => bytes)]);
    }

    /// <summary>The picture in bytes; one channel becomes grey, values outside the range are clamped.</summary>
    /// <param name="range">What the values span.</param>
    /// <param name="rounding">How <c>255 * x</c> becomes a whole number.</param>
    /// <exception cref="ShapeException">It has neither 1 nor 3 channels.</exception>
    public RgbImage ToRgb(PixelRange range, PixelRounding rounding = PixelRounding.Nearest)
    {
        if (Channels is not (1 or 3))
        {
            throw new ShapeException($"FloatImage.ToRgb: {Channels} channels; a picture has 1 or 3");
        }

        ReadOnlySpan<float> values = _values;
        if (Channels == 1)
        {
            float[] grey = new float[checked(_values.Length * 3)];
            for (int i = 0; i < grey.Length; i++)
            {
                grey[i] = _values[i / 3];
            }

            values = grey;
        }

        return RgbImage.FromFloats(values, Width, Height, range, rounding);
    }

    /// <summary>Writes size and channels, for example <c>512 x 384 x 3 floats</c>.</summary>
    public override string ToString() => $"{Width} x {Height} x {Channels} floats";

    /// <summary>Wraps an array that nobody else will write to.</summary>
    internal static FloatImage Own(int width, int height, int channels, float[] values) =>
        new(values, width, height, channels);

    /// <summary>Extents of 1 in front are dropped, a missing channel is added.</summary>
    private static List<long> PictureShape(IReadOnlyList<long> shape)
    {
        List<long> picture = [.. shape];
        while (picture.Count > 2 && picture[0] == 1 && (picture.Count > 3 || picture[2] > MaxChannels))
        {
            picture.RemoveAt(0);
        }

        if (picture.Count == 2)
        {
            picture.Add(1);
        }

        return picture;
    }

    private static ReadOnlySpan<float> Checked(int width, int height, int channels, ReadOnlySpan<float> values)
    {
        if (width <= 0 || height <= 0 || channels is < 1 or > MaxChannels
            || (long)width * height > RgbImage.MaxPixels || values.Length != (long)width * height * channels)
        {
            throw new ShapeException(
                $"FloatImage: {width} x {height} pixels of {channels} channels and {values.Length} values; sizes " +
                $"must be at least 1, pixels at most {RgbImage.MaxPixels}, channels at most {MaxChannels}, and their " +
                "product the number of values");
        }

        int at = values.IndexOfAnyExceptInRange(float.MinValue, float.MaxValue);
        return at < 0
            ? values
            : throw new ShapeException($"FloatImage: value {at} is {values[at]}, but must be finite");
    }
}
