using System;
using System.Collections.Generic;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>A device that a driver listed.</summary>
/// <param name="Name">Name as users write it: <c>cuda:0</c>.</param>
/// <param name="Description">The device's own name.</param>
/// <param name="Driver">Its driver and version.</param>
/// <param name="Limits">What it can do.</param>
/// <param name="Missing">Why it cannot be used, in words; null when it can.</param>
/// <param name="Open">Opens it.</param>
internal sealed record GpuFound(
    string Name, string Description, string Driver, GpuLimits Limits, string? Missing,
    Func<GpuOptions, IGpuDriver> Open)
{
    /// <summary>What every kernel may use of local memory, in bytes.</summary>
    private const int NeededLocalBytes = 32 << 10;

    /// <summary>Most threads of a block that a kernel has.</summary>
    private const int NeededGroupSize = 256;

    /// <summary>What a device lacks to run the kernels, in words; null for nothing.</summary>
    public static string? Lack(GpuLimits limits) =>
        limits.MaxGroupSize < NeededGroupSize
            ? $"has {limits.MaxGroupSize} threads in a block, {NeededGroupSize} are needed"
        : limits.LocalBytes < NeededLocalBytes
            ? $"has {limits.LocalBytes} bytes of local memory, {NeededLocalBytes} are needed"
        : null;
}

/// <summary>What a vendor's library has, and when it has nothing, why.</summary>
/// <param name="Devices">Its devices, in the driver's order.</param>
/// <param name="Missing">Why there is none, in words; null when there is one.</param>
internal sealed record GpuSearch(IReadOnlyList<GpuFound> Devices, string? Missing)
{
    /// <summary>Nothing, for a reason.</summary>
    public static GpuSearch Nothing(string reason) => new([], reason);
}
