using System;
using System.Runtime.CompilerServices;

namespace ControlNet.Native.Tensors.Cpu.Winograd;

/// <summary>
/// Transforms the inputs of a round. Items are runs of (tile, block of channels) as <see cref="Partition"/> cuts them.
/// </summary>
internal unsafe struct WinogradInputLoop<TAlgorithm, TLanes, TVector> : IParallelWork
    where TAlgorithm : struct, IWinograd
    where TLanes : struct, ILaneArithmetic<TVector>
    where TVector : unmanaged
{
    private const int MaxPoints = 36, MaxLanes = 16;

    public WinogradProblem Problem;
    public WorkerTeam Team;

    /// <summary>Tiles of this round.</summary>
    public int Tiles;

    /// <summary>Elements one row of the <see cref="Partition"/> moves.</summary>
    public readonly long ItemWidth => (long)Problem.Points * Problem.BlockDepth;

    public readonly long Rows => (long)Tiles * Problem.DepthBlocks;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    [SkipLocalsInit]
    public readonly void Run(int item, int worker)
    {
        // Zeros for the pixels of the padding, after the stage.
        float* stage = Team.Scratch(worker, (MaxPoints * MaxLanes) + Problem.BlockDepth);
        float* zeros = stage + (MaxPoints * MaxLanes);
        new Span<float>(zeros, Problem.BlockDepth).Clear();

        float** pixels = stackalloc float*[MaxPoints];
        (long first, long end) = Partition.Range(item, Rows, ItemWidth);
        for (long row = first; row < end; row++)
        {
            int tile = (int)(row / Problem.DepthBlocks), block = (int)(row % Problem.DepthBlocks);
            int channel = block * Problem.BlockDepth;
            Problem.FindPixels(Problem.FirstTile + tile, channel, zeros, pixels);

            // Channels up to the next 16 may lie beyond the pixel; nothing is multiplied with what they give.
            int channels = (Problem.DepthOf(block) + MaxLanes - 1) / MaxLanes * MaxLanes;
            float* points = Problem.Inputs + ((long)block * Problem.Points * Problem.InputStep)
                + ((long)tile * Problem.BlockDepth);
            TAlgorithm.Input<TLanes, TVector>(pixels, 0, channels, points, Problem.InputStep, stage);
        }
    }
}
