using System;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tensors.Cpu.Gemm;

namespace ControlNet.Native.Tensors.Cpu.Winograd;

/// <summary>
/// Convolves in rounds of tiles. In a round all inputs are transformed, then products, sums and results are worked off
/// panel by panel: two parallel loops.
/// </summary>
internal static unsafe class WinogradDriver
{
    /// <summary>
    /// Channels of a block of the sum: 64 of a panel are 288 KiB for all points of F(4x4), a quarter of a usual
    /// second-level cache.
    /// </summary>
    public const int MaxBlockDepth = 64;

    /// <summary>Tiles of an item; their sums for a panel are 504 KiB in F(4x4).</summary>
    private const int MaxItemTiles = 112;

    /// <summary>Transformed inputs of a round: 6 MiB, which the last-level cache holds.</summary>
    private const long MaxInputFloats = 3L << 19;

    /// <summary>Items a worker should find in a round, so that the last one to finish is not long alone.</summary>
    private const int ItemsPerWorker = 4;

    /// <summary>Convolves. The caller sets dims, buffers, weights and epilogue of the problem.</summary>
    public static void Run<TAlgorithm>(WorkerTeam team, CpuMemory memory, in WinogradProblem problem)
        where TAlgorithm : struct, IWinograd
    {
        if (Avx512F.IsSupported)
        {
            Run<TAlgorithm, Lanes16, Vector512<float>>(team, memory, problem);
        }
        else if (Vector128.IsHardwareAccelerated)
        {
            Run<TAlgorithm, Lanes8, Vector256<float>>(team, memory, problem);
        }
        else
        {
            Run<TAlgorithm, Lanes1, float>(team, memory, problem);
        }
    }

    /// <summary>Bytes of transformed inputs that exist at a time; 0 when there is nothing to convolve.</summary>
    public static long InputBytes<TAlgorithm>(in Conv2dDims d)
        where TAlgorithm : struct, IWinograd
    {
        WinogradProblem p = new() { Dims = d };
        return Plan<TAlgorithm>(ref p) ? InputBytes(p) : 0;
    }

    private static long InputBytes(in WinogradProblem p) =>
        p.DepthBlocks * p.Points * p.InputStep * sizeof(float);

    /// <summary>Cuts the problem; false when there is nothing to convolve.</summary>
    private static bool Plan<TAlgorithm>(ref WinogradProblem p)
        where TAlgorithm : struct, IWinograd
    {
        p.Tile = TAlgorithm.Tile;
        p.Points = WinogradWeights.PointsOf<TAlgorithm>();
        p.TilesDown = (p.Dims.OutHeight + p.Tile - 1) / p.Tile;
        p.TilesAcross = (p.Dims.OutWidth + p.Tile - 1) / p.Tile;
        if (p.Tiles == 0 || p.Panels == 0)
        {
            return false;
        }

        p.BlockDepth = WinogradWeights.BlockDepthOf(p.Dims.In);
        p.DepthBlocks = (p.Dims.In + p.BlockDepth - 1) / p.BlockDepth;
        long perTile = (long)p.Points * p.BlockDepth * p.DepthBlocks;
        int rounds = (int)((p.Tiles * perTile + MaxInputFloats - 1) / MaxInputFloats);
        rounds = Math.Min(rounds, p.Tiles);
        p.RoundTiles = (p.Tiles + rounds - 1) / rounds;
        return true;
    }

    private static void Run<TAlgorithm, TLanes, TVector>(WorkerTeam team, CpuMemory memory, WinogradProblem p)
        where TAlgorithm : struct, IWinograd
        where TLanes : struct, ILaneArithmetic<TVector>
        where TVector : unmanaged
    {
        if (!Plan<TAlgorithm>(ref p))
        {
            return;
        }

        using MemoryBlock inputs = memory.Allocate(InputBytes(p));
        p.Inputs = (float*)inputs.HostAddress;
        for (; p.FirstTile < p.Tiles; p.FirstTile += p.RoundTiles)
        {
            int tiles = Math.Min(p.RoundTiles, p.Tiles - p.FirstTile);
            WinogradInputLoop<TAlgorithm, TLanes, TVector> input = new() { Problem = p, Team = team, Tiles = tiles };
            team.For(Partition.Items(input.Rows, input.ItemWidth), ref input);
            int blocks = TileBlocksOf(tiles, p.Panels, team.Threads);
            WinogradProductLoop<TAlgorithm, TLanes, TVector> product = new()
            {
                Problem = p,
                Team = team,
                Kernel = GemmKernel.Best,
                Tiles = tiles,
                TileBlocks = blocks,
            };
            team.For(checked(blocks * p.Panels), ref product);
        }
    }

    /// <summary>
    /// Parts that the tiles of a round are cut into. Each transforms the weights again, so there are no more than the
    /// cache and the number of workers ask for.
    /// </summary>
    private static int TileBlocksOf(int tiles, int panels, int threads)
    {
        int forCache = (tiles + MaxItemTiles - 1) / MaxItemTiles;
        int forWorkers = threads == 1 ? 1 : ((ItemsPerWorker * threads) + panels - 1) / panels;
        return Math.Min(tiles, Math.Max(forCache, forWorkers));
    }
}
