using System;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tensors.Cpu.Gemm;

namespace ControlNet.Native.Tensors.Cpu.Winograd;

/// <summary>
/// Weights transformed once, to be kept: for each panel of 32 output channels and each block of input channels
/// <c>[points][depth][32]</c>, zero beyond the last output channel.
/// </summary>
internal static unsafe class WinogradWeights
{
    /// <summary>Output channels packed at a time, which bounds the memory that packing needs.</summary>
    private const int GroupOutputs = 8 * GemmKernel.PanelColumns;

    private const int Taps = 9;

    /// <summary>Elements of the transformed space.</summary>
    public static int PointsOf<TAlgorithm>()
        where TAlgorithm : struct, IWinograd => (TAlgorithm.Tile + 2) * (TAlgorithm.Tile + 2);

    /// <summary>
    /// Channels of a block of the sum, a multiple of 16. They depend on the weight and its form alone, because
    /// transformed weights lie in such blocks and because a sum is always formed in the same order.
    /// </summary>
    /// <param name="inChannels">Of the weight.</param>
    /// <param name="kept">Whether the weight is kept transformed.</param>
    public static int BlockDepthOf(int inChannels, bool kept)
    {
        int most = kept ? WinogradDriver.MaxKeptDepth : WinogradDriver.MaxBlockDepth;
        int blocks = Math.Max(1, (inChannels + most - 1) / most);
        return Math.Max(1, (((inChannels + blocks - 1) / blocks) + 15) / 16) * 16;
    }

    /// <summary>Elements of a transformed weight, padding included.</summary>
    public static long Count<TAlgorithm>(int outChannels, int inChannels)
        where TAlgorithm : struct, IWinograd =>
        checked(GemmPack.Count(inChannels, outChannels) * PointsOf<TAlgorithm>());

    /// <summary>Transforms a weight <c>[Out, In, 3, 3]</c>.</summary>
    public static void Pack<TAlgorithm>(
        WorkerTeam team, CpuMemory memory, int outChannels, int inChannels, DType type, void* weight, float* packed)
        where TAlgorithm : struct, IWinograd
    {
        using MemoryBlock panels = memory.Allocate(
            GemmPack.Count((long)inChannels * Taps, Math.Min(outChannels, GroupOutputs)) * sizeof(float));
        for (int first = 0; first < outChannels; first += GroupOutputs)
        {
            int outputs = Math.Min(GroupOutputs, outChannels - first);
            byte* group = (byte*)weight + ((long)first * inChannels * Taps * type.ElementBytes());
            GemmPack.Weights(
                team, outputs, inChannels, Taps, type, group, DType.F32, (void*)panels.HostAddress);
            float* target = packed + Count<TAlgorithm>(first, inChannels);
            if (Avx512F.IsSupported)
            {
                Transform<TAlgorithm, Lanes16, Vector512<float>>(
                    team, outputs, inChannels, (float*)panels.HostAddress, target);
            }
            else if (Vector128.IsHardwareAccelerated)
            {
                Transform<TAlgorithm, Lanes8, Vector256<float>>(
                    team, outputs, inChannels, (float*)panels.HostAddress, target);
            }
            else
            {
                Transform<TAlgorithm, Lanes1, float>(
                    team, outputs, inChannels, (float*)panels.HostAddress, target);
            }
        }
    }

    private static void Transform<TAlgorithm, TLanes, TVector>(
        WorkerTeam team, int outputs, int inChannels, float* panels, float* target)
        where TAlgorithm : struct, IWinograd
        where TLanes : struct, ILaneArithmetic<TVector>
        where TVector : unmanaged
    {
        WinogradWeightsLoop<TAlgorithm, TLanes, TVector> loop = new()
        {
            Team = team,
            Panels = panels,
            Target = target,
            In = inChannels,
            BlockDepth = BlockDepthOf(inChannels, kept: true),
            Points = PointsOf<TAlgorithm>(),
        };
        team.For((outputs + GemmKernel.PanelColumns - 1) / GemmKernel.PanelColumns, ref loop);
    }
}
