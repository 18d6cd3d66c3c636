namespace ControlNet.Native.Imaging;

/// <summary>Order of the bytes of one pixel in memory, as textures and bitmaps of other libraries have it.</summary>
public enum PixelLayout
{
    /// <summary>Three bytes: red, green, blue.</summary>
    Rgb24,

    /// <summary>Four bytes: red, green, blue, alpha; alpha is straight, not premultiplied.</summary>
    Rgba32,

    /// <summary>Four bytes: blue, green, red, alpha; alpha is straight, not premultiplied.</summary>
    Bgra32,
}
