using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tensors.Cpu.Gemm;

namespace ControlNet.Native.Tensors.Cpu.Winograd;

/// <summary>
/// A convolution and the blocks it is cut into. Tiles of outputs are numbered row by row, image after image.
/// </summary>
internal unsafe struct WinogradProblem
{
    public Conv2dDims Dims;

    public float* X, Y;

    /// <summary>
    /// The packed weight: with <see cref="Transformed"/> as <see cref="WinogradWeights"/> left it, else panels
    /// <c>[Panels][9][In][32]</c> of <see cref="WeightType"/>.
    /// </summary>
    public void* Weights;

    public DType WeightType;

    public bool Transformed;

    /// <summary>What happens to the finished sums.</summary>
    public TileEpilogue Epilogue;

    /// <summary>Edge of a tile of outputs, and elements of the transformed space.</summary>
    public int Tile, Points;

    public int TilesDown, TilesAcross;

    /// <summary>Channels of a block of the sum, a multiple of 16, and the number of blocks.</summary>
    public int BlockDepth, DepthBlocks;

    /// <summary>Tiles whose transformed inputs exist at a time, and the first of them.</summary>
    public int RoundTiles, FirstTile;

    /// <summary>
    /// Transformed inputs <c>[DepthBlocks][Points][RoundTiles][BlockDepth]</c>, with a little room after each point so
    /// that the points do not fall on one set of the cache.
    /// </summary>
    public float* Inputs;

    public readonly long InputStep => ((long)RoundTiles * BlockDepth) + 16;

    public readonly int Panels => (Dims.Out + GemmKernel.PanelColumns - 1) / GemmKernel.PanelColumns;

    public readonly int Tiles => checked(Dims.Batch * TilesDown * TilesAcross);

    /// <summary>Channels of one block of the sum; the last may have fewer.</summary>
    public readonly int DepthOf(int block) => System.Math.Min(BlockDepth, Dims.In - (block * BlockDepth));

    /// <summary>The image of a tile, and its first pixel of the output.</summary>
    public readonly (int Image, int Top, int Left) PlaceOf(int tile)
    {
        (int image, int inImage) = System.Math.DivRem(tile, TilesDown * TilesAcross);
        (int down, int across) = System.Math.DivRem(inImage, TilesAcross);
        return (image, down * Tile, across * Tile);
    }
}
