using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>A kernel as it is going to be launched.</summary>
/// <param name="Kernel">The variant.</param>
/// <param name="Grid">Its blocks.</param>
/// <param name="Tile">The tile of a block, where it makes one.</param>
internal readonly record struct KernelLaunch(KernelVariant Kernel, GridSize Grid, TileOption Tile = default);

/// <summary>Calls of a family that a kernel beside the dialect's takes.</summary>
/// <typeparam name="TCall">A call of the family.</typeparam>
/// <param name="Kind">What kind of kernel it is.</param>
/// <param name="Compute">
/// The least compute capability it is for, 80 for 8.0. What else the kind wants is said by <see cref="KernelKinds"/>.
/// </param>
/// <param name="Takes">Whether it takes a call, by types, dims and alignment.</param>
/// <param name="Choose">The variant and its grid for a call that it takes, on such a device.</param>
internal sealed record KernelRow<TCall>(
    KernelKind Kind, int Compute, Func<TCall, bool> Takes, Func<TCall, GpuLimits, KernelLaunch> Choose);

/// <summary>
/// Which of the kernels beside the dialect's a call is for: the first row whose predicates hold. Where none does, the
/// family launches the dialect's, which take everything.
/// </summary>
/// <remarks>
/// A predicate must not depend on how many images a call has, and rows that do not give the same bits must not be told
/// apart by it: an image has the same bits in any batch.
/// </remarks>
/// <param name="rows">In order of preference.</param>
internal sealed class KernelTable<TCall>(params KernelRow<TCall>[] rows)
    where TCall : struct
{
    /// <summary>What to launch for a call; null for the dialect's kernel.</summary>
    /// <param name="launcher">What kinds there are, and for which device.</param>
    /// <param name="call">The call.</param>
    /// <param name="kind">Which row it is of, and so which arguments it takes.</param>
    public KernelLaunch? Find(GpuLauncher launcher, in TCall call, out KernelKind kind)
    {
        foreach (KernelRow<TCall> row in rows)
        {
            if (row.Kind <= launcher.Kernels && row.Compute <= launcher.Limits.Compute && row.Takes(call))
            {
                kind = row.Kind;
                return row.Choose(call, launcher.Limits);
            }
        }

        kind = KernelKind.Portable;
        return null;
    }
}

/// <summary>Predicates that rows of several families have in common.</summary>
internal static class KernelPredicates
{
    /// <summary>Whether a buffer holds F16 and begins where 16 bytes can be copied at once.</summary>
    public static bool AreHalvesIn16Bytes(BufferView view) => view.Type == DType.F16 && IsAligned(view, 16);

    /// <summary>Whether a buffer begins at a multiple of so many bytes. Memory of a device does.</summary>
    public static bool IsAligned(BufferView view, int bytes) =>
        (((GpuBlock)view.Block).Start + (view.Offset * view.Type.ElementBytes())) % bytes == 0;
}
