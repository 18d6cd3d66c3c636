using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

internal sealed partial class GpuAttention
{
    /// <summary>The least compute capability that <c>nv/attention_mma.c</c> is compiled for.</summary>
    private const int MmaCompute = 80;

    /// <summary>Threads of a block of <c>nv/attention_mma.c</c>.</summary>
    private const int MmaThreads = 128;

    /// <summary>Heads that a variant is for are at most so wide.</summary>
    private static readonly int[] s_mmaWidths = [40, 64, 80, 160];

    private static readonly KernelVariant[] s_mma = Array.ConvertAll(
        s_mmaWidths, width => new KernelVariant(
            "nv/attention_mma", "attention_mma", new GridSize(MmaThreads), new KernelDefine("WIDTH", width)));

    /// <summary>Kernels for tensor cores, the best first.</summary>
    private static readonly KernelTable<Operands> s_tensorCores =
        new(new KernelRow<Operands>(KernelKind.Mma, MmaCompute, Takes, ChooseMma));

    /// <summary>Launches a kernel for tensor cores if there is one for the call.</summary>
    private bool TryTensorCores(
        in AttentionDims d, BufferView q, BufferView k, BufferView v, BufferView y, BufferView sums)
    {
        if (!sums.IsNone || s_tensorCores.Find(launcher, new Operands(d, q, k, v, y), out _) is not { } found)
        {
            return false;
        }

        launcher.Launch(
            found.Kernel, found.Grid, q, k, v, y, d.Heads, d.Queries, d.Keys, d.HeadWidth, d.Scale * Log2E,
            d.Causal ? 1 : 0);
        return true;
    }

    /// <summary>
    /// Halves, channels in eights and no more than a block has room for; a scale above zero, for scores are compared
    /// before they are scaled.
    /// </summary>
    private static bool Takes(Operands o) =>
        KernelPredicates.AreHalvesIn16Bytes(o.Q) && KernelPredicates.AreHalvesIn16Bytes(o.K) &&
        KernelPredicates.AreHalvesIn16Bytes(o.V) && KernelPredicates.AreHalvesIn16Bytes(o.Y) &&
        MmaTiles.AreInPieces(o.Dims.HeadWidth) && o.Dims.HeadWidth <= s_mmaWidths[^1] && o.Dims.Scale > 0;

    private static KernelLaunch ChooseMma(Operands o, GpuLimits limits)
    {
        int variant = Array.FindIndex(s_mmaWidths, width => o.Dims.HeadWidth <= width);

        // As the kernel has it: two strips of 16 queries for each of four warps while registers suffice.
        int queries = s_mmaWidths[variant] <= 64 ? 128 : 64;
        long blocks = GpuGrid.Parts(o.Dims.Queries, queries) * o.Dims.Heads * o.Dims.Batch;
        return new KernelLaunch(s_mma[variant], new GridSize(checked((int)blocks)));
    }

    /// <summary>What attention is chosen by.</summary>
    private readonly record struct Operands(
        AttentionDims Dims, BufferView Q, BufferView K, BufferView V, BufferView Y);
}
