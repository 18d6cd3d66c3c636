using System;
using System.Runtime.CompilerServices;
using ControlNet.Native.Tensors.Cpu.Gemm;

namespace ControlNet.Native.Tensors.Cpu.Winograd;

/// <summary>
/// One item is some tiles of a round times one panel of 32 output channels. For each block of channels the panel's
/// weights, unless they are kept transformed, are transformed into scratch memory, where they stay in the second-level
/// cache for all points and tiles; after the last block the sums are transformed back and finished.
/// </summary>
internal unsafe struct WinogradProductLoop<TAlgorithm, TLanes, TVector> : IParallelWork
    where TAlgorithm : struct, IWinograd
    where TLanes : struct, ILaneArithmetic<TVector>
    where TVector : unmanaged
{
    private const int Width = GemmKernel.PanelColumns;
    private const int Taps = 9;

    /// <summary>Room after each point, so that the points do not fall on one set of the cache.</summary>
    private const int Gap = 16;

    private const int StageFloats = 36 * 16, PixelFloats = 16 * Width;

    public WinogradProblem Problem;
    public WorkerTeam Team;
    public GemmKernel Kernel;

    /// <summary>Tiles of this round, and the number of nearly equal parts they are cut into.</summary>
    public int Tiles, TileBlocks;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int item, int worker)
    {
        (int tileBlock, int panel) = Math.DivRem(item, Problem.Panels);
        int first = (int)((long)Tiles * tileBlock / TileBlocks);
        int count = (int)((long)Tiles * (tileBlock + 1) / TileBlocks) - first;
        long sumStep = ((long)count * Width) + Gap, weightStep = ((long)Problem.BlockDepth * Width) + Gap;

        float* stage = Team.Scratch(
            worker,
            StageFloats + PixelFloats + (Problem.Points * (sumStep + weightStep))
            + WinogradCallWeights<TAlgorithm, TLanes, TVector>.WidenedFloats);
        float* pixels = stage + StageFloats;
        float* sums = pixels + PixelFloats;
        float* transformed = sums + (Problem.Points * sumStep);
        float* widened = transformed + (Problem.Points * weightStep);
        for (int block = 0; block < Problem.DepthBlocks; block++)
        {
            if (Problem.Transformed)
            {
                float* kept = (float*)Problem.Weights + Problem.TransformedAt(panel, block);
                Multiply(kept, Problem.WeightStepOf(block), block, first, count, sums, sumStep, null);
            }
            else
            {
                WinogradCallWeights<TAlgorithm, TLanes, TVector>.Transform(
                    Problem, panel, block, transformed, weightStep, stage, widened);
                byte* ahead = null;
                if (block + 1 < Problem.DepthBlocks)
                {
                    ahead = (byte*)Problem.Weights
                        + ((((long)panel * Taps * Problem.Dims.In) + ((block + 1) * Problem.BlockDepth)) * Width
                        * Problem.WeightType.ElementBytes());
                }

                Multiply(transformed, weightStep, block, first, count, sums, sumStep, ahead);
            }
        }

        for (int t = 0; t < count; t++)
        {
            int tile = Problem.FirstTile + first + t;
            Problem.PrefetchResults(tile + 1, panel);
            WinogradResult<TAlgorithm, TLanes, TVector>.Store(
                Problem, tile, panel, sums + ((long)t * Width), sumStep, pixels, stage);
        }

        StreamingStores.Fence(Problem.Streams);
    }

    /// <summary>
    /// Adds one block of channels to the sums <c>[Points][tiles][32]</c> of some tiles. What the next point needs is
    /// prefetched meanwhile, and the weights of the next block, at <paramref name="ahead"/>, unless it is null.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Multiply(
        float* weights, long weightStep, int block, int first, int count, float* sums, long sumStep, byte* ahead)
    {
        int depth = Problem.DepthOf(block), lda = Problem.BlockDepth;
        int rowTiles = (count + Kernel.MaxRows - 1) / Kernel.MaxRows;
        float* inputs = Problem.Inputs + ((long)block * Problem.Points * Problem.InputStep) + ((long)first * lda);
        long aheadTap = (long)Problem.Dims.In * Width * Problem.WeightType.ElementBytes();
        int halves = Problem.WeightType.ElementBytes() / 2;
        for (int point = 0; point < Problem.Points; point++)
        {
            for (int t = 0; t < rowTiles; t++)
            {
                int row = (int)((long)count * t / rowTiles), rows = (int)((long)count * (t + 1) / rowTiles) - row;
                float* a = inputs + ((long)row * lda);
                byte* next = (byte*)(a + Problem.InputStep);
                if (Problem.Transformed)
                {
                    if (t < 2)
                    {
                        next = (byte*)(weights + weightStep) + ((long)t * depth * 64);
                    }
                }
                else if (t == rowTiles - 1 && ahead != null && point < Taps * halves)
                {
                    (int tap, int half) = Math.DivRem(point, halves);
                    next = ahead + (tap * aheadTap) + ((long)half * depth * 64);
                }

                Kernel.RowMajor(
                    rows, depth, a, lda, weights, sums + ((long)row * Width), Width, block > 0, next);
            }

            weights += weightStep;
            inputs += Problem.InputStep;
            sums += sumStep;
        }
    }
}
