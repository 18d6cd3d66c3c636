namespace ControlNet.Native.Tensors;

/// <summary>Zeros added around an image before a convolution, in pixels.</summary>
/// <param name="Top">Rows above.</param>
/// <param name="Bottom">Rows below.</param>
/// <param name="Left">Columns to the left.</param>
/// <param name="Right">Columns to the right.</param>
public readonly record struct Padding(int Top, int Bottom, int Left, int Right)
{
    /// <summary>The same number of pixels on all four sides.</summary>
    public static Padding All(int pixels) => new(pixels, pixels, pixels, pixels);

    /// <summary>Bottom and right only: what the downsampling of the VAE encoder pads by.</summary>
    public static Padding BottomRight(int pixels) => new(0, pixels, 0, pixels);

    /// <summary>Writes the padding as it appears in messages: top, bottom, left, right.</summary>
    public override string ToString() => $"({Top}, {Bottom}, {Left}, {Right})";
}
