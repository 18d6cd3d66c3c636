using System;
using System.Threading;
using ControlNet.Native.Tensors.Gpu;
using ControlNet.Native.Tensors.Gpu.Tuning;

namespace ControlNet.Native.Tensors;

/// <summary>What a device is fastest with.</summary>
public static partial class Devices
{
    /// <summary>The variable that has devices opened as if nothing was tuned, by the word <c>none</c>.</summary>
    private const string TuningVariable = "CONTROLNET_TUNING";

    /// <summary>What <see cref="Tune"/> takes at most where nothing else is said.</summary>
    private static readonly TimeSpan s_tuningBudget = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Times matrix products and convolutions of Stable Diffusion's sizes on an OpenCL device with every tile there is
    /// and has the device use the fastest. What was found is kept beside the built kernels
    /// (<c>CONTROLNET_KERNEL_CACHE</c>) until device, driver or kernels change, and each later <see cref="Open"/>
    /// uses it, unless <c>CONTROLNET_TUNING</c> is <c>none</c>. Results are the same to the bit with and without: a
    /// tile that gives other bits is never chosen. Nothing calls this by itself.
    /// </summary>
    /// <param name="device">
    /// An open device; it is reserved meanwhile and up to 150 MiB of its memory are used.
    /// </param>
    /// <param name="budget">
    /// Time after which nothing new is tried and the best so far is kept; null for 60 seconds. What was begun is
    /// finished, which may be the build of a kernel.
    /// </param>
    /// <param name="progress">Is told of each tile.</param>
    /// <param name="cancellation">Ends it between two runs; nothing is kept then and the device stays as is.</param>
    /// <returns>
    /// What was measured. Nothing for the CPU, and for CUDA, whose kernels are compiled ahead of time.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException">The budget is not positive.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="EngineException">
    /// The device cannot run the kernels as they are, is short of memory, or was lost.
    /// </exception>
    public static TuningReport Tune(
        Device device, TimeSpan? budget = null, IProgress<TuningProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(device);
        TimeSpan time = budget ?? s_tuningBudget;
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(time, TimeSpan.Zero, nameof(budget));
        return TuneKeptIn(KernelCache.ForUser(), device, time, progress, cancellation);
    }

    /// <summary>What an earlier <see cref="Tune"/> found for this device, its driver and these kernels.</summary>
    /// <param name="device">An open device.</param>
    /// <returns>The report, whether the device was opened with it or not; null when there is none.</returns>
    public static TuningReport? FindTuning(Device device)
    {
        ArgumentNullException.ThrowIfNull(device);
        return Tunable(device) is { } backend ? FindTuning(KernelCache.ForUser(), backend) : null;
    }

    /// <summary>Whether there is anything to tune: a GPU whose kernels its driver compiles.</summary>
    /// <param name="device">An open device.</param>
    public static bool CanTune(Device device)
    {
        ArgumentNullException.ThrowIfNull(device);
        return Tunable(device) is not null;
    }

    /// <param name="cache">Where the report is kept.</param>
    /// <param name="device">An open device.</param>
    /// <param name="budget">Time after which nothing new is tried.</param>
    /// <param name="progress">Is told of each tile.</param>
    /// <param name="cancellation">Ends it between two runs.</param>
    internal static TuningReport TuneKeptIn(
        KernelCache cache, Device device, TimeSpan budget, IProgress<TuningProgress>? progress,
        CancellationToken cancellation)
    {
        if (Tunable(device) is not { } backend)
        {
            return new TuningReport(device.Name, device.Description, [], [], isComplete: true);
        }

        using DeviceReservation turn = device.Reserve(cancellation);
        TuningReport report;
        using (GpuTileBench bench = new(backend))
        {
            report = new TileTuner(bench, TimeProvider.System, budget).Run(
                TuningCase.All, device.Name, device.Description, progress, cancellation);
        }

        device.Trim();
        cache.Keep(TuningKey(backend), report.ToBytes());
        backend.Tiles = report.Table(backend.Limits.IsCpu);
        return report;
    }

    /// <summary>Has a device use what was found for it.</summary>
    internal static void UseTuning(KernelCache cache, GpuBackend backend)
    {
        if (backend.Limits.BuildsSource && Environment.GetEnvironmentVariable(TuningVariable) != "none" &&
            FindTuning(cache, backend) is { } report)
        {
            backend.Tiles = report.Table(backend.Limits.IsCpu);
        }
    }

    private static TuningReport? FindTuning(KernelCache cache, GpuBackend backend) =>
        cache.Find(TuningKey(backend)) is { } kept
            ? TuningReport.FromBytes(backend.Name, backend.Description, kept)
            : null;

    private static GpuBackend? Tunable(Device device) =>
        device.Backend is GpuBackend { HoldsData: true, Limits.BuildsSource: true } backend ? backend : null;

    private static string TuningKey(GpuBackend backend) =>
        KernelCache.Key("tuning", backend.Description, KernelSource.Digest);
}
