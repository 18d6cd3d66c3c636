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
    internal static int MaxBlockDepth = int.Parse(Environment.GetEnvironmentVariable("WKC") ?? "64");
    internal static int MaxItemTiles = int.Parse(Environment.GetEnvironmentVariable("WIT") ?? "112");
    internal static long MaxInputFloats = long.Parse(Environment.GetEnvironmentVariable("WMB") ?? "12") << 18;
    internal static double TIn, TOut;

    /// <summary>Channels of a block of the sum. They depend on the weight alone, as transformed weights lie in such blocks.</summary>
    public static int BlockDepthOf(int inChannels)
    {
        int blocks = Math.Max(1, (inChannels + MaxBlockDepth - 1) / MaxBlockDepth);
        return (((inChannels + blocks - 1) / blocks) + 15) / 16 * 16;
    }

    /// <summary>Elements of a transformed weight, padding included.</summary>
    public static long PackedCount<TAlgorithm>(int outChannels, int inChannels)
        where TAlgorithm : struct, IWinograd =>
        checked(GemmPack.Count(inChannels, outChannels) * PointsOf<TAlgorithm>());

    /// <summary>Transforms a weight <c>[Out, In, 3, 3]</c> to be kept.</summary>
    public static void Pack<TAlgorithm>(
        WorkerTeam team, CpuMemory memory, int outChannels, int inChannels, DType type, void* weight, float* packed)
        where TAlgorithm : struct, IWinograd
    {
        if (Avx512F.IsSupported)
        {
            Pack<TAlgorithm, Lanes16, Vector512<float>>(team, memory, outChannels, inChannels, type, weight, packed);
        }
        else if (Vector128.IsHardwareAccelerated)
        {
            Pack<TAlgorithm, Lanes8, Vector256<float>>(team, memory, outChannels, inChannels, type, weight, packed);
        }
        else
        {
            Pack<TAlgorithm, Lanes1, float>(team, memory, outChannels, inChannels, type, weight, packed);
        }
    }

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

    private static int PointsOf<TAlgorithm>()
        where TAlgorithm : struct, IWinograd => (TAlgorithm.Tile + 2) * (TAlgorithm.Tile + 2);

    private static void Pack<TAlgorithm, TLanes, TVector>(
        WorkerTeam team, CpuMemory memory, int outChannels, int inChannels, DType type, void* weight, float* packed)
        where TAlgorithm : struct, IWinograd
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged
    {
        const int GroupPanels = 8, GroupOutputs = GroupPanels * GemmKernel.PanelColumns;
        using MemoryBlock panels = memory.Allocate(
            GemmPack.Count(inChannels * 9L, Math.Min(outChannels, GroupOutputs)) * sizeof(float));
        WinogradWeightsLoop<TAlgorithm, TLanes, TVector> loop = new()
        {
            Team = team,
            Panels = (float*)panels.HostAddress,
            In = inChannels,
            BlockDepth = BlockDepthOf(inChannels),
            Points = PointsOf<TAlgorithm>(),
        };
        for (int first = 0; first < outChannels; first += GroupOutputs)
        {
            int outputs = Math.Min(GroupOutputs, outChannels - first);
            GemmPack.Weights(
                team, outputs, inChannels, 9, type, (byte*)weight + ((long)first * inChannels * 9 * type.ElementBytes()),
                DType.F32, loop.Panels);
            loop.Target = packed + (PackedCount<TAlgorithm>(first, inChannels));
            team.For((outputs + GemmKernel.PanelColumns - 1) / GemmKernel.PanelColumns, ref loop);
        }
    }

    private static void Run<TAlgorithm, TLanes, TVector>(WorkerTeam team, CpuMemory memory, WinogradProblem p)
        where TAlgorithm : struct, IWinograd
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged
    {
        p.Tile = TAlgorithm.Tile;
        p.Points = PointsOf<TAlgorithm>();
        p.TilesDown = (p.Dims.OutHeight + p.Tile - 1) / p.Tile;
        p.TilesAcross = (p.Dims.OutWidth + p.Tile - 1) / p.Tile;
        if (p.Tiles == 0 || p.Panels == 0)
        {
            return;
        }

        p.BlockDepth = BlockDepthOf(p.Dims.In);
        p.DepthBlocks = (p.Dims.In + p.BlockDepth - 1) / p.BlockDepth;
        long perTile = (long)p.Points * p.BlockDepth * p.DepthBlocks;
        int rounds = (int)((p.Tiles * perTile + MaxInputFloats - 1) / MaxInputFloats);
        rounds = Math.Min(rounds, p.Tiles);
        p.RoundTiles = (p.Tiles + rounds - 1) / rounds;
        using MemoryBlock inputs = memory.Allocate(p.DepthBlocks * p.Points * p.InputStep * sizeof(float));
        p.Inputs = (float*)inputs.HostAddress;
        for (; p.FirstTile < p.Tiles; p.FirstTile += p.RoundTiles)
        {
            int tiles = Math.Min(p.RoundTiles, p.Tiles - p.FirstTile);
            long t0 = System.Diagnostics.Stopwatch.GetTimestamp();
            WinogradInputLoop<TAlgorithm, TLanes, TVector> input = new() { Problem = p, Team = team, Tiles = tiles };
            team.For(Partition.Items(input.Rows, input.ItemWidth), ref input);
            long t1 = System.Diagnostics.Stopwatch.GetTimestamp();
            int blocks = (tiles + MaxItemTiles - 1) / MaxItemTiles;
            WinogradProductLoop<TAlgorithm, TLanes, TVector> product = new()
            {
                Problem = p,
                Team = team,
                Kernel = GemmKernel.Best,
                Tiles = tiles,
                TileBlocks = blocks,
            };
            team.For(checked(blocks * p.Panels), ref product);
            long t2 = System.Diagnostics.Stopwatch.GetTimestamp();
            TIn += (t1 - t0) * 1e-6;
            TOut += (t2 - t1) * 1e-6;
        }
    }
}
