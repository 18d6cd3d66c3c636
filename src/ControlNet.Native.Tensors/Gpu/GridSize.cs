namespace ControlNet.Native.Tensors.Gpu;

/// <summary>Three extents: how many blocks a launch has, or how many threads a block.</summary>
internal readonly record struct GridSize(int X, int Y = 1, int Z = 1)
{
    /// <summary>The product of the extents.</summary>
    public long Count => (long)X * Y * Z;

    /// <summary>Writes the extents as <c>64x4x1</c>.</summary>
    public override string ToString() => $"{X}x{Y}x{Z}";
}
