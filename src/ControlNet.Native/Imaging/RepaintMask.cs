using System;

namespace ControlNet.Native.Imaging;

/// <summary>
/// Which pixels of a picture are repainted. Made of a picture: grey as ITU-R 601-2 weighs it, repainted from half
/// white on, which is how diffusers' mask processor binarises.
/// </summary>
internal sealed class RepaintMask
{
    private const int Channels = 3;

    private readonly bool[] _repainted; // [Height, Width]

    private RepaintMask(bool[] repainted, int width, int height) =>
        (_repainted, Width, Height) = (repainted, width, height);

    /// <summary>Pixels of a row.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>Reads a mask, stretched to a size.</summary>
    public static RepaintMask From(RgbImage mask, int width, int height)
    {
        ReadOnlySpan<byte> rgb = mask.Resize(width, height).Pixels;
        bool[] repainted = new bool[width * height];
        for (int i = 0; i < repainted.Length; i++)
        {
            // The weights sum to 65536, so a grey pixel is its own grey.
            int grey = ((19595 * rgb[Channels * i]) + (38470 * rgb[(Channels * i) + 1])
                + (7471 * rgb[(Channels * i) + 2]) + 32768) >> 16;
            repainted[i] = grey >= 128;
        }

        return new RepaintMask(repainted, width, height);
    }

    /// <summary>Whether a pixel is repainted.</summary>
    public bool this[int x, int y] => _repainted[(y * Width) + x];

    /// <summary>
    /// The mask of the latents, 1 where repainted: each takes the top left of its pixels, as PyTorch's nearest does.
    /// </summary>
    /// <param name="pixels">Pixels a latent stands for along each axis; divides width and height.</param>
    /// <param name="channels">How often each value is repeated.</param>
    /// <returns><c>[Height / pixels, Width / pixels, channels]</c></returns>
    public float[] Latents(int pixels, int channels)
    {
        (int rows, int columns) = (Height / pixels, Width / pixels);
        float[] values = new float[rows * columns * channels];
        for (int i = 0; i < values.Length; i++)
        {
            int latent = i / channels;
            values[i] = this[latent % columns * pixels, latent / columns * pixels] ? 1 : 0;
        }

        return values;
    }

    /// <summary>Overwrites the pixels that are repainted.</summary>
    /// <param name="values"><c>[Height, Width, 3]</c></param>
    /// <param name="with">What with.</param>
    public void Fill(Span<float> values, float with)
    {
        for (int i = 0; i < _repainted.Length; i++)
        {
            if (_repainted[i])
            {
                values.Slice(Channels * i, Channels).Fill(with);
            }
        }
    }

    /// <summary>One picture where repainted, another elsewhere; both of the size of the mask.</summary>
    public RgbImage Join(RgbImage repainted, RgbImage original)
    {
        byte[] rgb = original.Pixels.ToArray();
        for (int i = 0; i < _repainted.Length; i++)
        {
            if (_repainted[i])
            {
                repainted.Pixels.Slice(Channels * i, Channels).CopyTo(rgb.AsSpan(Channels * i));
            }
        }

        return RgbImage.Own(Width, Height, rgb);
    }
}
