using System.Runtime.Intrinsics.X86;
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

    /// <summary>Whether results go past the caches.</summary>
    public bool Streams;

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

    /// <summary>
    /// Room after each point of a transformed weight: none where it is kept, else enough that the points do not fall on
    /// one set of the cache.
    /// </summary>
    public int WeightGap;

    public readonly int Panels => (Dims.Out + GemmKernel.PanelColumns - 1) / GemmKernel.PanelColumns;

    public readonly int Tiles => checked(Dims.Batch * TilesDown * TilesAcross);

    /// <summary>Channels of one block of the sum; the last may have fewer.</summary>
    public readonly int DepthOf(int block) => System.Math.Min(BlockDepth, Dims.In - (block * BlockDepth));

    /// <summary>From one point of a transformed weight to the next, in floats.</summary>
    public readonly long WeightStepOf(int block) => ((long)DepthOf(block) * GemmKernel.PanelColumns) + WeightGap;

    /// <summary>Where the transformed weight of a panel and a block of channels begins, in floats.</summary>
    public readonly long TransformedAt(int panel, int block) =>
        (((((long)panel * Dims.In) + ((long)block * BlockDepth)) * GemmKernel.PanelColumns)
            + ((((long)panel * DepthBlocks) + block) * WeightGap)) * Points;

    /// <summary>The image of a tile, and its first pixel of the output.</summary>
    public readonly (int Image, int Top, int Left) PlaceOf(int tile)
    {
        (int image, int inImage) = System.Math.DivRem(tile, TilesDown * TilesAcross);
        (int down, int across) = System.Math.DivRem(inImage, TilesAcross);
        return (image, down * Tile, across * Tile);
    }

    /// <summary>
    /// Asks for the lines of a tile's results in one panel: storing them would wait for each.
    /// </summary>
    public readonly void PrefetchResults(int tile, int panel)
    {
        if (!Sse.IsSupported || Streams || tile >= Tiles)
        {
            return;
        }

        (int image, int top, int left) = PlaceOf(tile);
        int column = panel * GemmKernel.PanelColumns;
        long line = (long)Dims.OutWidth * Dims.Out;
        float* to = Y + ((((long)image * Dims.OutHeight) + top) * line) + ((long)left * Dims.Out) + column;
        for (int y = 0; y < Tile; y++)
        {
            for (int x = 0; x < Tile; x++)
            {
                float* pixel = to + (y * line) + ((long)x * Dims.Out);
                Sse.Prefetch0(pixel);
                Sse.Prefetch0(pixel + (GemmKernel.PanelColumns / 2));
            }
        }
    }

    /// <summary>
    /// Asks for the pixels that a tile's right neighbour reads and the tile does not. At the edge of the image it asks
    /// for what nobody wants, which costs less than to look.
    /// </summary>
    /// <param name="pixels">Those of the tile.</param>
    public readonly void PrefetchNeighbour(float** pixels)
    {
        const int LineFloats = 16;
        if (!Sse.IsSupported)
        {
            return;
        }

        int edge = Tile + 2;
        for (int y = 0; y < edge; y++)
        {
            for (int x = 2; x < edge; x++)
            {
                float* pixel = pixels[(y * edge) + x] + ((long)Tile * Dims.In);
                for (int c = 0; c < Dims.In; c += LineFloats)
                {
                    Sse.Prefetch0(pixel + c);
                }
            }
        }
    }

    /// <summary>
    /// Finds the channels, from one of them on, of each pixel of a tile's patch; zeros for those of the padding.
    /// </summary>
    public readonly void FindPixels(int tile, int channel, float* zeros, float** pixels)
    {
        (int image, int top, int left) = PlaceOf(tile);
        int edge = Tile + 2, height = Dims.Height, width = Dims.Width;
        top -= Dims.Padding.Top;
        left -= Dims.Padding.Left;
        float* start = X + channel;
        for (int y = top; y < top + edge; y++)
        {
            for (int x = left; x < left + edge; x++)
            {
                bool inside = y >= 0 && y < height && x >= 0 && x < width;
                *pixels++ = inside ? start + (((((long)image * height) + y) * width) + x) * Dims.In : zeros;
            }
        }
    }
}
