namespace ControlNet.Native.Tensors.Cpu.Gemm;

/// <summary>The rows of one call of the micro-kernel.</summary>
internal unsafe struct GemmTile
{
    /// <summary>First element of a.</summary>
    public float* A;

    /// <summary>First row in the result.</summary>
    public long FirstRow;

    public int Rows;

    /// <summary>The image the rows belong to.</summary>
    public int Image;
}
