namespace ControlNet.Native.Tensors.Gpu.Tuning;

/// <summary>
/// How many rows a product has: what fills a device with one tile leaves it idle with another. Rows are pixels or
/// tokens of all images, so the three are the levels of a UNet at 512 x 512.
/// </summary>
internal enum TileLevel
{
    /// <summary>At least 4096 rows: 64 x 64 pixels.</summary>
    Large,

    /// <summary>At least 1024 rows: 32 x 32 pixels.</summary>
    Middle,

    /// <summary>Fewer rows.</summary>
    Small,
}
