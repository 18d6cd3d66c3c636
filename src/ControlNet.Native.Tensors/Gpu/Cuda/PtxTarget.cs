using System;

namespace ControlNet.Native.Tensors.Gpu.Cuda;

/// <summary>What PTX is compiled for, as <c>tools/kernel-targets.sh</c> lists it and names of files end.</summary>
/// <param name="Name">Its name, <c>sm_80</c>.</param>
/// <param name="Compute">The compute capability, 80 for 8.0.</param>
/// <param name="IsExact">Whether later devices cannot run it: targets with an a behind them.</param>
internal readonly record struct PtxTarget(string Name, int Compute, bool IsExact)
{
    private static readonly PtxTarget[] s_newest =
    [
        new("sm_90a", 90, IsExact: true),
        new("sm_80", 80, IsExact: false),
        new("sm_75", 75, IsExact: false),
    ];

    /// <summary>All there are beside the one every file of the dialect has, the newest first.</summary>
    public static ReadOnlySpan<PtxTarget> Newest => s_newest;

    /// <summary>Whether a device of that compute capability runs it.</summary>
    public bool RunsOn(int compute) => IsExact ? compute == Compute : compute >= Compute;
}
