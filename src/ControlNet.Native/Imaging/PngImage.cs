using System;
using System.Collections.Generic;

namespace ControlNet.Native.Imaging;

/// <summary>
/// A PNG as it is in its file: any colour type and depth, transparency, text. <see cref="RgbImage"/> is what the rest
/// of the library works with. Immutable; may be shared between threads.
/// </summary>
/// <remarks>
/// Every check of the format is made (CRC-32, Adler-32, order and lengths of chunks). gAMA, sRGB, cHRM and iCCP are not
/// applied. Limits: <see cref="RgbImage.MaxPixels"/>, 8 MiB for each ancillary chunk, 1 MiB for a compressed text.
/// </remarks>
public sealed class PngImage
{
    private readonly PngHeader _header;
    private readonly PngPass[] _passes;
    private readonly byte[] _scanlines;
    private readonly PngPalette? _palette;
    private readonly ushort[]? _transparent;

    internal PngImage(
        PngHeader header, PngPass[] passes, byte[] scanlines, PngPalette? palette, ushort[]? transparent,
        IReadOnlyList<PngText> text)
    {
        _header = header;
        _passes = passes;
        _scanlines = scanlines;
        _palette = palette;
        _transparent = transparent;
        Text = text;
    }

    /// <summary>Receives one row of one pass, RGBA of 16 bits.</summary>
    private delegate void RowSink(PngPass pass, int row, ReadOnlySpan<ushort> rgba);

    /// <summary>Pixels of a row.</summary>
    public int Width => _header.Width;

    /// <summary>Rows.</summary>
    public int Height => _header.Height;

    /// <summary>Bits of one sample in the file: 1, 2, 4, 8 or 16.</summary>
    public int BitDepth => _header.BitDepth;

    /// <summary>The entries of text in file order; entries that are damaged are missing.</summary>
    public IReadOnlyList<PngText> Text { get; }

    /// <summary>Reads a PNG file.</summary>
    /// <exception cref="ImageFileException">The file cannot be opened or read.</exception>
    /// <exception cref="ImageFormatException">The file is not a sound PNG or exceeds a limit.</exception>
    public static PngImage Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return PngReader.Read(ImageFile.Read(path), path);
    }

    /// <summary>Reads a PNG from memory.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="name">What messages call it.</param>
    /// <exception cref="ImageFormatException">The bytes are not a sound PNG or exceed a limit.</exception>
    public static PngImage Decode(ReadOnlySpan<byte> file, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return PngReader.Read(file, name);
    }

    /// <summary>
    /// The pixels as <c>[Height, Width, 4]</c>, straight alpha. Samples of 16 bits become
    /// <c>(v * 255 + 32767) / 65535</c>, those of fewer than 8 <c>v * 255 / (2^n - 1)</c>.
    /// </summary>
    public byte[] ToRgba8()
    {
        byte[] pixels = new byte[checked(Width * Height * 4)];
        ForEachRow((pass, row, rgba) =>
        {
            int start = (pass.StartY + row * pass.StepY) * Width + pass.StartX;
            for (int x = 0; x < pass.Width; x++)
            {
                Span<byte> target = pixels.AsSpan(4 * (start + x * pass.StepX), 4);
                for (int c = 0; c < 4; c++)
                {
                    target[c] = Narrow(rgba[4 * x + c]);
                }
            }
        });
        return pixels;
    }

    /// <summary>
    /// The pixels as <c>[Height, Width, 4]</c>, straight alpha; samples of n bits become <c>v * 65535 / (2^n - 1)</c>.
    /// </summary>
    public ushort[] ToRgba16()
    {
        ushort[] pixels = new ushort[checked(Width * Height * 4)];
        ForEachRow((pass, row, rgba) =>
        {
            int start = (pass.StartY + row * pass.StepY) * Width + pass.StartX;
            for (int x = 0; x < pass.Width; x++)
            {
                rgba.Slice(4 * x, 4).CopyTo(pixels.AsSpan(4 * (start + x * pass.StepX)));
            }
        });
        return pixels;
    }

    /// <summary>
    /// The picture of <see cref="ToRgba8"/> laid over white, as <see cref="RgbImage.FromPixels"/> does.
    /// </summary>
    public RgbImage ToRgb()
    {
        byte[] pixels = new byte[checked(Width * Height * 3)];
        ForEachRow((pass, row, rgba) =>
        {
            int start = (pass.StartY + row * pass.StepY) * Width + pass.StartX;
            for (int x = 0; x < pass.Width; x++)
            {
                Span<byte> target = pixels.AsSpan(3 * (start + x * pass.StepX), 3);
                byte alpha = Narrow(rgba[4 * x + 3]);
                for (int c = 0; c < 3; c++)
                {
                    byte color = Narrow(rgba[4 * x + c]);
                    target[c] = alpha == byte.MaxValue ? color : RgbImage.OverWhite(color, alpha);
                }
            }
        });
        return RgbImage.Own(Width, Height, pixels);
    }

    /// <summary>Exact for samples that were widened from 8 bits or fewer.</summary>
    private static byte Narrow(ushort sample) => (byte)((sample * 255u + 32767u) / 65535u);

    private void ForEachRow(RowSink sink)
    {
        ushort[] rgba = new ushort[checked(4 * Width)];
        int at = 0;
        foreach (PngPass pass in _passes)
        {
            int rowBytes = _header.RowBytes(pass.Width);
            for (int y = 0; y < pass.Height; y++)
            {
                Expand(_scanlines.AsSpan(at + 1, rowBytes), pass.Width, rgba);
                sink(pass, y, rgba);
                at += 1 + rowBytes;
            }
        }
    }

    private void Expand(ReadOnlySpan<byte> row, int width, Span<ushort> rgba)
    {
        int depth = _header.BitDepth;
        if (_palette is not null && _header.ColorType == PngColorType.Palette)
        {
            for (int x = 0; x < width; x++)
            {
                ReadOnlySpan<byte> entry = _palette.Entry(PngScanlines.Sample(row, x, depth));
                for (int c = 0; c < 4; c++)
                {
                    rgba[4 * x + c] = (ushort)(entry[c] * 257);
                }
            }

            return;
        }

        int channels = _header.Channels;
        int widen = ushort.MaxValue / ((1 << depth) - 1); // 65535 is a multiple of 1, 3, 15 and 255
        bool color = channels >= 3, hasAlpha = channels is 2 or 4;
        for (int x = 0; x < width; x++)
        {
            int first = x * channels;
            int red = PngScanlines.Sample(row, first, depth);
            int green = color ? PngScanlines.Sample(row, first + 1, depth) : red;
            int blue = color ? PngScanlines.Sample(row, first + 2, depth) : red;
            int alpha = hasAlpha ? PngScanlines.Sample(row, first + channels - 1, depth)
                : IsTransparent(red, green, blue) ? 0
                : (1 << depth) - 1;
            rgba[4 * x] = (ushort)(red * widen);
            rgba[4 * x + 1] = (ushort)(green * widen);
            rgba[4 * x + 2] = (ushort)(blue * widen);
            rgba[4 * x + 3] = (ushort)(alpha * widen);
        }
    }

    private bool IsTransparent(int red, int green, int blue) =>
        _transparent is not null && red == _transparent[0] &&
        (_transparent.Length == 1 || (green == _transparent[1] && blue == _transparent[2]));
}
