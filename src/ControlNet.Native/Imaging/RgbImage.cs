using System;
using System.Collections.Generic;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Imaging;

/// <summary>
/// A picture of 8 bits a channel: red, green, blue, row by row from the top left, without padding. Immutable; may be
/// shared between threads.
/// </summary>
public sealed partial class RgbImage
{
    /// <summary>Most pixels a picture may have: 64 megapixels, 8192 x 8192.</summary>
    public const int MaxPixels = 64 << 20;

    private const int Channels = 3;

    private readonly byte[] _rgb; // [Height, Width, 3]

    /// <summary>Copies tightly packed pixels.</summary>
    /// <param name="width">Pixels of a row, from 1.</param>
    /// <param name="height">Rows, from 1.</param>
    /// <param name="rgb">Exactly <c>height * width * 3</c> bytes, <c>[height, width, 3]</c>.</param>
    /// <exception cref="ShapeException">The sizes do not fit together or exceed <see cref="MaxPixels"/>.</exception>
    public RgbImage(int width, int height, ReadOnlySpan<byte> rgb)
        : this(Tight(width, height, rgb).ToArray(), width, height) { }

    /// <summary>Keeps the array.</summary>
    private RgbImage(byte[] rgb, int width, int height)
    {
        Width = width;
        Height = height;
        _rgb = rgb;
    }

    /// <summary>Pixels of a row.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>The bytes, <c>[Height, Width, 3]</c>. Valid as long as this picture is.</summary>
    public ReadOnlySpan<byte> Pixels => _rgb;

    /// <summary>Reads a PNG file of any colour type; transparency is laid over white.</summary>
    /// <exception cref="ImageFileException">The file cannot be opened or read.</exception>
    /// <exception cref="ImageFormatException">The file is not a sound PNG or exceeds a limit.</exception>
    public static RgbImage Load(string path) => PngImage.Load(path).ToRgb();

    /// <summary>Reads a PNG from memory; transparency is laid over white.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="name">What messages call it.</param>
    /// <exception cref="ImageFormatException">The bytes are not a sound PNG or exceed a limit.</exception>
    public static RgbImage Decode(ReadOnlySpan<byte> file, string name) => PngImage.Decode(file, name).ToRgb();

    /// <summary>
    /// Writes an 8-bit RGB PNG. Readers of the path see the old file or the whole new one, never a part.
    /// </summary>
    /// <param name="path">The file; its folder must exist.</param>
    /// <param name="text">Text to keep with the picture, for example <c>parameters</c>; null for none.</param>
    /// <exception cref="ImageFileException">The file cannot be written; no partial file is left.</exception>
    /// <exception cref="ImageFormatException">A text entry cannot be expressed in a PNG.</exception>
    public void Save(string path, IReadOnlyList<PngText>? text = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        ImageFile.Write(path, PngWriter.Write(this, text ?? [], path));
    }

    /// <summary>Makes an 8-bit RGB PNG in memory.</summary>
    /// <param name="text">Text to keep with the picture; null for none.</param>
    /// <exception cref="ImageFormatException">A text entry cannot be expressed in a PNG.</exception>
    public byte[] Encode(IReadOnlyList<PngText>? text = null) => PngWriter.Write(this, text ?? [], "PNG");

    /// <summary>
    /// The same picture in another size. An axis that shrinks is averaged over the area of each new pixel, one that
    /// grows is interpolated with Keys' cubic, a = -0.75; both as OpenCV does, within 1 of its result.
    /// </summary>
    /// <param name="width">New width, from 1.</param>
    /// <param name="height">New height, from 1.</param>
    /// <exception cref="ShapeException">The size is not positive or exceeds <see cref="MaxPixels"/>.</exception>
    public RgbImage Resize(int width, int height)
    {
        CheckSize(width, height);
        return width == Width && height == Height
            ? this
            : Own(width, height, ImageResampler.Resize(this, width, height));
    }

    /// <summary>Writes size and format, for example <c>512 x 384 RGB</c>.</summary>
    public override string ToString() => $"{Width} x {Height} RGB";

    /// <summary>Wraps an array that nobody else will write to.</summary>
    internal static RgbImage Own(int width, int height, byte[] rgb) => new(rgb, width, height);

    private static void CheckSize(int width, int height)
    {
        if (width <= 0 || height <= 0 || (long)width * height > MaxPixels)
        {
            throw new ShapeException(
                $"RgbImage: a picture of {width} x {height} pixels; both must be at least 1 and the product " +
                $"at most {MaxPixels}");
        }
    }

    private static ReadOnlySpan<byte> Tight(int width, int height, ReadOnlySpan<byte> rgb)
    {
        CheckSize(width, height);
        int needed = checked(width * height * Channels);
        return rgb.Length == needed
            ? rgb
            : throw new ShapeException(
                $"RgbImage: {width} x {height} RGB pixels need {needed} bytes, rgb has {rgb.Length}; pass rows " +
                $"without padding, or use {nameof(FromPixels)} with a stride");
    }
}
