using System;

namespace ControlNet.Native.Imaging;

/// <summary>The colours of an indexed picture, RGBA of 8 bits; entries without alpha are opaque.</summary>
internal sealed class PngPalette
{
    private readonly byte[] _rgba; // [Count, 4]

    /// <param name="rgb">Three bytes an entry.</param>
    public PngPalette(ReadOnlySpan<byte> rgb)
    {
        Count = rgb.Length / 3;
        _rgba = new byte[4 * Count];
        for (int i = 0; i < Count; i++)
        {
            rgb.Slice(3 * i, 3).CopyTo(_rgba.AsSpan(4 * i));
            _rgba[4 * i + 3] = byte.MaxValue;
        }
    }

    public int Count { get; }

    /// <param name="alpha">Alpha of the first entries; not longer than <see cref="Count"/>.</param>
    public void SetAlpha(ReadOnlySpan<byte> alpha)
    {
        for (int i = 0; i < alpha.Length; i++)
        {
            _rgba[4 * i + 3] = alpha[i];
        }
    }

    /// <summary>Four bytes of one entry.</summary>
    public ReadOnlySpan<byte> Entry(int index) => _rgba.AsSpan(4 * index, 4);
}
