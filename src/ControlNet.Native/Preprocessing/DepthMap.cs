using System;
using ControlNet.Native.Imaging;

namespace ControlNet.Native.Preprocessing;

/// <summary>Reads depth maps that are finer than a byte.</summary>
public static class DepthMap
{
    /// <summary>A 16-bit step in the unit of 8-bit ones.</summary>
    private const float Step = 1f / 257f;

    /// <summary>
    /// The luminance of a PNG with all its bits, 0 to 255: a 16-bit map has steps of 1 / 257. Transparency is not
    /// looked at.
    /// </summary>
    public static FloatImage FromPng(PngImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        ushort[] rgba = image.ToRgba16();
        float[] depth = new float[rgba.Length / 4];
        for (int i = 0; i < depth.Length; i++)
        {
            long sum = (9798L * rgba[4 * i]) + (19235L * rgba[(4 * i) + 1]) + (3735L * rgba[(4 * i) + 2]);
            depth[i] = (sum + 16384 >> 15) * Step;
        }

        return FloatImage.Own(image.Width, image.Height, 1, depth);
    }

    /// <summary>Reads a file: <c>.safetensors</c> with its values as they are, anything else as PNG.</summary>
    /// <exception cref="ImageFileException">The file cannot be opened or read.</exception>
    /// <exception cref="ImageFormatException">It is no sound PNG, or holds no map of one channel.</exception>
    /// <exception cref="Weights.SafeTensorsException">It is no sound safetensors file.</exception>
    public static FloatImage Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase))
        {
            return FromPng(PngImage.Load(path));
        }

        FloatImage map = FloatImage.Load(path);
        return map.Channels == 1
            ? map
            : throw new ImageFormatException(path, $"has {map.Channels} channels, but a depth map has 1");
    }
}
