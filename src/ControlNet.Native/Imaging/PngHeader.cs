using System;
using System.Buffers.Binary;

namespace ControlNet.Native.Imaging;

/// <summary>What the bytes of a scanline mean. The numbers are those of the file format.</summary>
internal enum PngColorType
{
    Grey = 0,
    Rgb = 2,
    Palette = 3,
    GreyAlpha = 4,
    Rgba = 6,
}

/// <summary>The IHDR chunk, proven legal and within the limits. Source: W3C PNG, third edition, 11.2.1.</summary>
/// <param name="Width">Pixels, from 1.</param>
/// <param name="Height">Pixels, from 1.</param>
/// <param name="BitDepth">Bits of one sample: 1, 2, 4, 8 or 16.</param>
/// <param name="ColorType">Samples of a pixel and their meaning.</param>
/// <param name="Interlaced">Seven passes (Adam7) instead of one.</param>
internal readonly record struct PngHeader(int Width, int Height, int BitDepth, PngColorType ColorType, bool Interlaced)
{
    public const int ChunkBytes = 13;

    /// <summary>Samples of one pixel.</summary>
    public int Channels => ColorType switch
    {
        PngColorType.Rgb => 3,
        PngColorType.GreyAlpha => 2,
        PngColorType.Rgba => 4,
        _ => 1,
    };

    /// <summary>Distance in bytes to the pixel on the left that the filters use; at least 1.</summary>
    public int FilterBytes => Math.Max(1, Channels * BitDepth / 8);

    /// <summary>Bytes of a scanline of <paramref name="pixels"/> pixels without its filter byte.</summary>
    public int RowBytes(int pixels) => checked((int)(((long)pixels * Channels * BitDepth + 7) / 8));

    /// <summary>Reads the data of the first chunk.</summary>
    /// <exception cref="ImageFormatException">A field is illegal, or the picture exceeds the limit of
    /// pixels.</exception>
    public static PngHeader Parse(ReadOnlySpan<byte> data, string name)
    {
        if (data.Length != ChunkBytes)
        {
            throw new ImageFormatException(
                name, $"chunk IHDR has {data.Length} bytes instead of {ChunkBytes}; the file is damaged");
        }

        uint width = BinaryPrimitives.ReadUInt32BigEndian(data);
        uint height = BinaryPrimitives.ReadUInt32BigEndian(data[4..]);
        if (width is 0 or > int.MaxValue || height is 0 or > int.MaxValue || (ulong)width * height > RgbImage.MaxPixels)
        {
            throw new ImageFormatException(
                name,
                $"declares {width} x {height} pixels; both must be at least 1 and the product at most " +
                $"{RgbImage.MaxPixels}, scale the picture down");
        }

        int depth = data[8], color = data[9];
        bool legal = (PngColorType)color switch
        {
            PngColorType.Grey => depth is 1 or 2 or 4 or 8 or 16,
            PngColorType.Palette => depth is 1 or 2 or 4 or 8,
            PngColorType.Rgb or PngColorType.GreyAlpha or PngColorType.Rgba => depth is 8 or 16,
            _ => false,
        };
        if (!legal)
        {
            throw new ImageFormatException(
                name,
                $"has colour type {color} with bit depth {depth}, which PNG does not define; the file is " +
                "damaged");
        }

        int compression = data[10], filter = data[11], interlace = data[12];
        if (compression != 0 || filter != 0 || interlace > 1)
        {
            throw new ImageFormatException(
                name,
                $"uses compression method {compression}, filter method {filter}, interlace method {interlace}; PNG " +
                "defines 0, 0 and 0 or 1; save the picture again as a standard PNG");
        }

        return new PngHeader((int)width, (int)height, depth, (PngColorType)color, interlace == 1);
    }
}
