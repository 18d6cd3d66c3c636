using System;
using System.IO;
using System.Linq;
using ControlNet.Native.Imaging;
using ControlNet.Native.Weights;

namespace ControlNet.Native;

/// <content>Files.</content>
public sealed partial class ControlHint
{
    /// <summary>Name of the tensor that a safetensors file holds a hint in.</summary>
    internal const string TensorName = "hint";

    /// <summary>Reads a hint from a file.</summary>
    /// <param name="path">
    /// A PNG: one of 16 bits keeps them, any other is read as a picture; transparency is laid over white. Or, where
    /// the name ends in <c>.safetensors</c>, a tensor <c>hint</c>, F32, <c>[H, W, C]</c>, or in PyTorch's order
    /// <c>[1, C, H, W]</c>.
    /// </param>
    /// <exception cref="ImageFileException">The file cannot be opened or read.</exception>
    /// <exception cref="ImageFormatException">It is not a sound PNG, or holds another tensor.</exception>
    /// <exception cref="SafeTensorsException">It is not a sound safetensors file.</exception>
    public static ControlHint Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return Path.GetExtension(path).Equals(".safetensors", StringComparison.OrdinalIgnoreCase)
            ? FromTensor(path)
            : FromPng(PngImage.Load(path));
    }

    /// <summary>A PNG whose samples have more than 8 bits keeps them.</summary>
    private static ControlHint FromPng(PngImage png)
    {
        if (png.BitDepth <= 8)
        {
            return new ControlHint(png.ToRgb());
        }

        ushort[] rgba = png.ToRgba16();
        float[] values = new float[rgba.Length / 4 * 3];
        for (int i = 0; i < values.Length; i++)
        {
            ushort alpha = rgba[(i / 3 * 4) + 3];
            float value = rgba[(i / 3 * 4) + (i % 3)] / 65535f;
            float share = alpha / 65535f;
            values[i] = alpha == ushort.MaxValue ? value : (value * share) + (1f - share);
        }

        return new ControlHint(values, png.Width, png.Height, 3);
    }

    private static ControlHint FromTensor(string path)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        if (!file.Entries.TryGetValue(TensorName, out SafeTensorsEntry? entry))
        {
            string held = string.Join(
                ", ", file.Entries.Keys.Order(StringComparer.Ordinal).Take(3).Select(name => $"'{name}'"));
            throw new ImageFormatException(
                path, $"has no tensor '{TensorName}'; it has {(held.Length > 0 ? held : "none")}");
        }

        bool isTorch = entry.Shape is [1, > 0, > 0, > 0];
        if (entry.DType != "F32" || !(isTorch || entry.Shape is [> 0, > 0, > 0]))
        {
            throw new ImageFormatException(
                path, $"'{TensorName}' must be F32 [H, W, C] or [1, C, H, W], got {entry.DType} {entry.ShapeText}");
        }

        (long height, long width, long channels) = isTorch
            ? (entry.Shape[2], entry.Shape[3], entry.Shape[1])
            : (entry.Shape[0], entry.Shape[1], entry.Shape[2]);
        if (height > RgbImage.MaxPixels / width || entry.ByteCount > ImageFile.MaxBytes)
        {
            throw new ImageFormatException(
                path,
                $"'{TensorName}' {entry.ShapeText} is larger than a hint may be: {RgbImage.MaxPixels} pixels, " +
                $"{ImageFile.MaxBytes} bytes");
        }

        return FromBytes(path, file.ReadAll(TensorName), (int)width, (int)height, (int)channels, isTorch);
    }

    private static ControlHint FromBytes(
        string path, ReadOnlySpan<byte> bytes, int width, int height, int channels, bool isTorch)
    {
        int pixels = width * height;
        float[] stored = WeightElements.Widen("F32", bytes), values = new float[stored.Length];
        for (int i = 0; i < values.Length; i++)
        {
            float value = stored[i];
            if (!float.IsFinite(value))
            {
                throw new ImageFormatException(
                    path,
                    FormattableString.Invariant($"element {i} of '{TensorName}' is {value}, but must be finite"));
            }

            values[isTorch ? (i % pixels * channels) + (i / pixels) : i] = value;
        }

        return new ControlHint(values, width, height, channels);
    }
}
