using System;
using System.Runtime.CompilerServices;
using ControlNet.Native.Tensors.Cpu.Gemm;

namespace ControlNet.Native.Tensors.Cpu.Winograd;

/// <summary>
/// One item is a few tiles from inputs to results: all of their channels are transformed into the worker's scratch
/// memory, each point is multiplied with all panels of a transformed weight, and the sums are transformed back.
/// </summary>
internal unsafe struct WinogradTileLoop<TAlgorithm, TLanes, TVector> : IParallelWork
    where TAlgorithm : struct, IWinograd
    where TLanes : struct, ILaneArithmetic<TVector>
    where TVector : unmanaged
{
    private const int Width = GemmKernel.PanelColumns;

    private const int MaxPoints = 36, MaxLanes = 16;

    /// <summary>Room after each point, so that the points do not fall on one set of the cache.</summary>
    private const int Gap = 80;

    private const int StageFloats = MaxPoints * MaxLanes, PixelFloats = 16 * Width;

    /// <summary>The convolution, its weight transformed.</summary>
    public WinogradProblem Problem;
    public WorkerTeam Team;
    public GemmKernel Kernel;

    /// <summary>Nearly equal parts that the tiles are cut into.</summary>
    public int Items;

    /// <summary>Floats of a tile at one point: its channels, and its outputs.</summary>
    private readonly int InputWidth => Problem.DepthBlocks * Problem.BlockDepth;

    private readonly int SumWidth => Problem.Panels * Width;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    [SkipLocalsInit]
    public readonly void Run(int item, int worker)
    {
        int first = (int)((long)Problem.Tiles * item / Items);
        int count = (int)((long)Problem.Tiles * (item + 1) / Items) - first;
        int inputWidth = InputWidth, sumWidth = SumWidth;
        long inputStep = ((long)count * inputWidth) + Gap, sumStep = ((long)count * sumWidth) + Gap;

        // Zeros for the pixels of the padding.
        float* stage = Team.Scratch(
            worker, StageFloats + PixelFloats + inputWidth + (Problem.Points * (inputStep + sumStep)));
        float* pixels = stage + StageFloats;
        float* zeros = pixels + PixelFloats;
        float* inputs = zeros + inputWidth;
        float* sums = inputs + (Problem.Points * inputStep);
        new Span<float>(zeros, inputWidth).Clear();

        // Channels up to the next 16 may lie beyond the pixel; nothing is multiplied with what they give.
        int channels = (Problem.Dims.In + MaxLanes - 1) / MaxLanes * MaxLanes;
        float** patch = stackalloc float*[MaxPoints];
        for (int t = 0; t < count; t++)
        {
            Problem.FindPixels(first + t, 0, zeros, patch);
            Problem.PrefetchNeighbour(patch);
            TAlgorithm.Input<TLanes, TVector>(
                patch, 0, channels, inputs + ((long)t * inputWidth), inputStep, stage);
        }

        for (int point = 0; point < Problem.Points; point++)
        {
            Multiply(point, count, inputs + (point * inputStep), sums + (point * sumStep));
        }

        for (int t = 0; t < count; t++)
        {
            for (int panel = 0; panel < Problem.Panels; panel++)
            {
                WinogradResult<TAlgorithm, TLanes, TVector>.Store(
                    Problem, first + t, panel, sums + ((long)t * sumWidth) + (panel * Width), sumStep, pixels, stage);
            }
        }

        StreamingStores.Fence(Problem.Streams);
    }

    /// <summary>
    /// The sums <c>[tiles][Panels * 32]</c> of one point. Each piece of the weight is prefetched while the one before
    /// it is used.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Multiply(int point, int count, float* inputs, float* sums)
    {
        int lda = InputWidth, ldc = SumWidth, rowTiles = (count + Kernel.MaxRows - 1) / Kernel.MaxRows;
        float* weights = PieceAt(point, 0, 0);
        for (int panel = 0; panel < Problem.Panels; panel++)
        {
            for (int block = 0; block < Problem.DepthBlocks; block++)
            {
                int depth = Problem.DepthOf(block);
                float* next = block + 1 < Problem.DepthBlocks ? PieceAt(point, panel, block + 1)
                    : panel + 1 < Problem.Panels ? PieceAt(point, panel + 1, 0)
                    : point + 1 < Problem.Points ? PieceAt(point + 1, 0, 0)
                    : PieceAt(0, 0, 0);
                for (int t = 0; t < rowTiles; t++)
                {
                    int row = (int)((long)count * t / rowTiles);
                    int rows = (int)((long)count * (t + 1) / rowTiles) - row;
                    Kernel.RowMajor(
                        rows, depth, inputs + ((long)row * lda) + ((long)block * Problem.BlockDepth), lda, weights,
                        sums + ((long)row * ldc) + (panel * Width), ldc, block > 0,
                        (byte*)next + ((long)Math.Min(t, 1) * depth * 64));
                }

                weights = next;
            }
        }
    }

    private readonly float* PieceAt(int point, int panel, int block) =>
        (float*)Problem.Weights + Problem.TransformedAt(panel, block) + (point * Problem.WeightStepOf(block));
}
