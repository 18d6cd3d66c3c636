using System;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Imaging;

/// <content>To and from the pixel memory of other libraries.</content>
public sealed partial class RgbImage
{
    /// <summary>Copies a texture or bitmap of another library; transparency is laid over white.</summary>
    /// <param name="pixels">The memory of the picture, first stored row first; the last row needs no padding.</param>
    /// <param name="width">Pixels of a row, from 1.</param>
    /// <param name="height">Rows, from 1.</param>
    /// <param name="layout">Order of the bytes of one pixel.</param>
    /// <param name="strideBytes">Bytes from one row to the next; 0 for rows without padding.</param>
    /// <param name="bottomUp">The first stored row is the lowest, as in OpenGL and Unity textures.</param>
    /// <exception cref="ShapeException">The sizes do not fit together.</exception>
    /// <remarks>
    /// Alpha: <c>c * a + 255 * (1 - a)</c> in float32, then truncated, as <c>HWC3</c> of lllyasviel/ControlNet does.
    /// </remarks>
    public static RgbImage FromPixels(
        ReadOnlySpan<byte> pixels, int width, int height, PixelLayout layout, int strideBytes = 0,
        bool bottomUp = false)
    {
        CheckSize(width, height);
        int pixelBytes = PixelBytes(layout);
        int stride = CheckMemory(nameof(FromPixels), pixels.Length, width, height, layout, strideBytes);
        byte[] rgb = new byte[checked(width * height * Channels)];
        for (int y = 0; y < height; y++)
        {
            int stored = bottomUp ? height - 1 - y : y;
            ReadOnlySpan<byte> source = pixels.Slice(checked(stored * stride), width * pixelBytes);
            Span<byte> target = rgb.AsSpan(y * width * Channels, width * Channels);
            switch (layout)
            {
                case PixelLayout.Rgb24:
                    source.CopyTo(target);
                    break;
                case PixelLayout.Rgba32:
                    OverWhite(source, red: 0, target);
                    break;
                default:
                    OverWhite(source, red: 2, target);
                    break;
            }
        }

        return Own(width, height, rgb);
    }

    /// <summary>
    /// Copies the picture into the memory of a texture or bitmap. Alpha becomes 255; padding is left alone.
    /// </summary>
    /// <param name="pixels">Where to; at least <c>strideBytes * (Height - 1) + Width * bytes of a pixel</c>.</param>
    /// <param name="layout">Order of the bytes of one pixel.</param>
    /// <param name="strideBytes">Bytes from one row to the next; 0 for rows without padding.</param>
    /// <param name="bottomUp">Store the lowest row first, as OpenGL and Unity textures want it.</param>
    /// <exception cref="ShapeException">The memory is too small or the stride is shorter than a row.</exception>
    public void CopyTo(Span<byte> pixels, PixelLayout layout, int strideBytes = 0, bool bottomUp = false)
    {
        int pixelBytes = PixelBytes(layout);
        int stride = CheckMemory(nameof(CopyTo), pixels.Length, Width, Height, layout, strideBytes);
        int red = layout == PixelLayout.Bgra32 ? 2 : 0;
        for (int y = 0; y < Height; y++)
        {
            int stored = bottomUp ? Height - 1 - y : y;
            ReadOnlySpan<byte> source = _rgb.AsSpan(y * Width * Channels, Width * Channels);
            Span<byte> target = pixels.Slice(checked(stored * stride), Width * pixelBytes);
            if (layout == PixelLayout.Rgb24)
            {
                source.CopyTo(target);
                continue;
            }

            for (int x = 0; x < Width; x++)
            {
                target[4 * x + red] = source[Channels * x];
                target[4 * x + 1] = source[Channels * x + 1];
                target[4 * x + 2 - red] = source[Channels * x + 2];
                target[4 * x + 3] = byte.MaxValue;
            }
        }
    }

    /// <summary>One channel value laid over white.</summary>
    internal static byte OverWhite(byte color, byte alpha)
    {
        float a = alpha / 255f;
        return (byte)Math.Clamp(color * a + 255f * (1f - a), 0f, 255f);
    }

    /// <summary>
    /// Four bytes a pixel to three; <paramref name="red"/> is the place of red, blue is at 2 minus it.
    /// </summary>
    private static void OverWhite(ReadOnlySpan<byte> source, int red, Span<byte> target)
    {
        for (int from = 0, to = 0; to < target.Length; from += 4, to += Channels)
        {
            byte alpha = source[from + 3];
            target[to] = OverWhite(source[from + red], alpha);
            target[to + 1] = OverWhite(source[from + 1], alpha);
            target[to + 2] = OverWhite(source[from + 2 - red], alpha);
        }
    }

    private static int PixelBytes(PixelLayout layout) => layout switch
    {
        PixelLayout.Rgb24 => 3,
        PixelLayout.Rgba32 or PixelLayout.Bgra32 => 4,
        _ => throw new ShapeException($"RgbImage: unknown pixel layout {(int)layout}; use one of PixelLayout"),
    };

    /// <summary>Returns the stride to use.</summary>
    private static int CheckMemory(
        string method, int available, int width, int height, PixelLayout layout, int strideBytes)
    {
        long rowBytes = (long)width * PixelBytes(layout);
        long stride = strideBytes == 0 ? rowBytes : strideBytes;
        if (stride < rowBytes)
        {
            throw new ShapeException(
                $"RgbImage.{method}: strideBytes is {stride}, a row of {width} {layout} pixels has {rowBytes} bytes; " +
                "pass the bytes from one row to the next, or 0 for rows without padding");
        }

        long needed = stride * (height - 1) + rowBytes;
        if (available < needed)
        {
            throw new ShapeException(
                $"RgbImage.{method}: {width} x {height} {layout} pixels with a stride of {stride} bytes need " +
                $"{needed} bytes, pixels has {available}");
        }

        return checked((int)stride);
    }
}
