using System;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tensors.Cpu.Gemm;

namespace ControlNet.Native.Tensors.Cpu.Winograd;

/// <summary>
/// Convolves by one of two schedules: in rounds of tiles, panel by panel, or a few tiles at a time.
/// </summary>
internal static unsafe class WinogradDriver
{
    /// <summary>
    /// Channels of a block of the sum: 64 of a panel are 288 KiB for all points of F(4x4), a quarter of a usual
    /// second-level cache.
    /// </summary>
    public const int MaxBlockDepth = 64;

    /// <summary>
    /// Channels of a block of a weight that is kept transformed: a point of a panel is 40 KiB, which stay in the
    /// first-level cache, and sums are revisited a fifth as often.
    /// </summary>
    public const int MaxKeptDepth = 320;

    /// <summary>Tiles of an item; their sums for a panel are 504 KiB in F(4x4).</summary>
    private const int MaxItemTiles = 112;

    /// <summary>
    /// Transformed inputs of a round: 14 MiB, which the last-level cache holds. Each round goes through the weight
    /// again.
    /// </summary>
    private const long MaxInputFloats = 7L << 19;

    /// <summary>Items a worker should find in a round, so that the last one to finish is not long alone.</summary>
    private const int ItemsPerWorker = 4;

    /// <summary>
    /// Tiles of an item of <see cref="WinogradSchedule.ByTile"/>: two full row tiles of the widest micro-kernel, so
    /// that what is read of the weight is used twice, and few enough that their inputs and sums stay near.
    /// </summary>
    private const int ItemTilesWhole = 28;

    /// <summary>Fewer tiles do not repay a weight that passes through memory as a whole.</summary>
    private const int FewestTilesWhole = 192;

    /// <summary>
    /// The largest transformed weight, 10 MiB. Every item reads all of it: with 14 MiB, as of 320 to 320 channels, this
    /// is no faster than going by panel.
    /// </summary>
    private const long MaxWholeFloats = 5L << 19;

    /// <summary>The most channels, those of inputs and of outputs, of an item: 2.5 MiB of scratch memory.</summary>
    private const int MaxWholeChannels = 640;

    /// <summary>Room after each point of a weight transformed for the call.</summary>
    private const int WholeGap = 16;

    /// <summary>Convolves. The caller sets dims, buffers, weights and epilogue of the problem.</summary>
    public static void Run<TAlgorithm>(WorkerTeam team, CpuMemory memory, in WinogradProblem problem)
        where TAlgorithm : struct, IWinograd => Run<TAlgorithm>(team, memory, problem, null);

    /// <summary>Convolves by a given schedule, or by the one that is faster.</summary>
    public static void Run<TAlgorithm>(
        WorkerTeam team, CpuMemory memory, in WinogradProblem problem, WinogradSchedule? schedule)
        where TAlgorithm : struct, IWinograd
    {
        if (Avx512F.IsSupported)
        {
            Run<TAlgorithm, Lanes16, Vector512<float>>(team, memory, problem, schedule);
        }
        else if (Vector128.IsHardwareAccelerated)
        {
            Run<TAlgorithm, Lanes8, Vector256<float>>(team, memory, problem, schedule);
        }
        else
        {
            Run<TAlgorithm, Lanes1, float>(team, memory, problem, schedule);
        }
    }

    /// <summary>
    /// Bytes a call takes beyond its tensors and the scratch memory of the workers; 0 when there is nothing to
    /// convolve.
    /// </summary>
    public static long TemporaryBytes<TAlgorithm>(in Conv2dDims d)
        where TAlgorithm : struct, IWinograd
    {
        WinogradProblem p = new() { Dims = d, Transformed = d.Form != Conv2dForm.Direct };
        return !Plan<TAlgorithm>(ref p) ? 0
            : ScheduleOf(p) == WinogradSchedule.ByPanel ? InputBytes(p)
            : p.Transformed ? 0
            : WeightBytes(p);
    }

    private static long InputBytes(in WinogradProblem p) =>
        p.DepthBlocks * p.Points * p.InputStep * sizeof(float);

    /// <summary>Bytes of a weight transformed for the call as a whole.</summary>
    private static long WeightBytes(in WinogradProblem p) =>
        (WeightFloats(p) + ((long)p.Panels * p.DepthBlocks * p.Points * WholeGap)) * sizeof(float);

    private static long WeightFloats(in WinogradProblem p) =>
        (long)p.Panels * GemmKernel.PanelColumns * p.Dims.In * p.Points;

    private static WinogradSchedule ScheduleOf(in WinogradProblem p) =>
        p.Tile == WinogradF4.Tile && p.Tiles >= FewestTilesWhole && p.Dims.In + p.Dims.Out <= MaxWholeChannels
        && WeightFloats(p) <= MaxWholeFloats
            ? WinogradSchedule.ByTile : WinogradSchedule.ByPanel;

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

        p.BlockDepth = WinogradWeights.BlockDepthOf(p.Dims.In, p.Transformed);
        p.DepthBlocks = (p.Dims.In + p.BlockDepth - 1) / p.BlockDepth;
        long perTile = (long)p.Points * p.BlockDepth * p.DepthBlocks;
        int rounds = (int)((p.Tiles * perTile + MaxInputFloats - 1) / MaxInputFloats);
        rounds = Math.Min(rounds, p.Tiles);
        p.RoundTiles = (p.Tiles + rounds - 1) / rounds;
        return true;
    }

    private static void Run<TAlgorithm, TLanes, TVector>(
        WorkerTeam team, CpuMemory memory, WinogradProblem p, WinogradSchedule? schedule)
        where TAlgorithm : struct, IWinograd
        where TLanes : struct, ILaneArithmetic<TVector>
        where TVector : unmanaged
    {
        if (!Plan<TAlgorithm>(ref p))
        {
            return;
        }

        long pixels = (long)p.Dims.Batch * p.Dims.OutHeight * p.Dims.OutWidth;
        p.Streams = StreamingStores.Pay(p.Y, pixels * p.Dims.Out, p.Dims.Out);
        if ((schedule ?? ScheduleOf(p)) == WinogradSchedule.ByTile)
        {
            RunByTile<TAlgorithm, TLanes, TVector>(team, memory, p);
        }
        else
        {
            RunByPanel<TAlgorithm, TLanes, TVector>(team, memory, p);
        }
    }

    private static void RunByTile<TAlgorithm, TLanes, TVector>(WorkerTeam team, CpuMemory memory, WinogradProblem p)
        where TAlgorithm : struct, IWinograd
        where TLanes : struct, ILaneArithmetic<TVector>
        where TVector : unmanaged
    {
        if (p.Transformed)
        {
            MultiplyByTile<TAlgorithm, TLanes, TVector>(team, p);
            return;
        }

        p.WeightGap = WholeGap;
        using MemoryBlock weights = memory.Allocate(WeightBytes(p));
        WinogradCallWeights<TAlgorithm, TLanes, TVector> transform = new()
        {
            Problem = p,
            Team = team,
            Target = (float*)weights.HostAddress,
        };
        team.For(checked(p.Panels * p.DepthBlocks), ref transform);
        p.Weights = (void*)weights.HostAddress;
        p.Transformed = true;
        MultiplyByTile<TAlgorithm, TLanes, TVector>(team, p);
    }

    private static void MultiplyByTile<TAlgorithm, TLanes, TVector>(WorkerTeam team, in WinogradProblem p)
        where TAlgorithm : struct, IWinograd
        where TLanes : struct, ILaneArithmetic<TVector>
        where TVector : unmanaged
    {
        int items = (p.Tiles + ItemTilesWhole - 1) / ItemTilesWhole;
        items = Math.Min(p.Tiles, (items + team.Threads - 1) / team.Threads * team.Threads);
        WinogradTileLoop<TAlgorithm, TLanes, TVector> loop = new()
        {
            Problem = p,
            Team = team,
            Kernel = GemmKernel.Best,
            Items = items,
        };
        team.For(items, ref loop);
    }

    private static void RunByPanel<TAlgorithm, TLanes, TVector>(WorkerTeam team, CpuMemory memory, WinogradProblem p)
        where TAlgorithm : struct, IWinograd
        where TLanes : struct, ILaneArithmetic<TVector>
        where TVector : unmanaged
    {
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
