using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ControlNet.Native.Tensors.Gpu;

namespace ControlNet.Native.Tensors;

/// <summary>Whether a device computes what it should.</summary>
public static partial class Devices
{
    /// <summary>
    /// Computes a few small operations on a GPU and holds them against the CPU: a matrix product, convolutions,
    /// attention, norms, softmax, pointwise functions. Takes a second or two, and more where a driver has to compile
    /// the kernels first; what came of it is kept beside the built kernels (<c>CONTROLNET_KERNEL_CACHE</c>) until
    /// device, driver or kernels change, so later calls read a file. Some drivers compute wrong, and a model shows it
    /// as a picture that is merely bad. A device that was lost by the test refuses everything after it.
    /// </summary>
    /// <param name="device">An open device. The CPU's report is empty.</param>
    /// <param name="anew">Runs the test although its result is known.</param>
    /// <param name="progress">Is told of each operation before it runs; of none where the result is known.</param>
    /// <param name="cancellation">Ends the test between two operations.</param>
    /// <returns>
    /// What was found: an operation that is wrong or does not run is a result and never an exception.
    /// </returns>
    /// <exception cref="OperationCanceledException">The test was cancelled.</exception>
    public static SelfTestReport SelfTest(
        Device device, bool anew = false, IProgress<SelfTestProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(device);
        return SelfTestKeptIn(KernelCache.ForUser(), device, anew, cancellation, progress);
    }

    /// <param name="cache">Where results are kept.</param>
    /// <param name="device">An open device.</param>
    /// <param name="anew">Runs the test although its result is known.</param>
    /// <param name="cancellation">Ends the test between two operations.</param>
    /// <param name="progress">Is told of each operation before it runs.</param>
    internal static SelfTestReport SelfTestKeptIn(
        KernelCache cache, Device device, bool anew, CancellationToken cancellation,
        IProgress<SelfTestProgress>? progress = null)
    {
        if (device.Backend is not GpuBackend { HoldsData: true })
        {
            return new SelfTestReport(device, [], isRemembered: false);
        }

        string key = KernelCache.Key(
            "self-test", device.Description, KernelSource.Digest, KernelKinds.Wish ?? "");
        if (!anew && cache.Find(key) is { } kept && SelfTestReport.FromBytes(device, kept) is { } remembered)
        {
            return remembered;
        }

        using Device cpu = Cpu(threads: 1);
        IReadOnlyList<SelfTestResult> results = SelfTestRun.Run(device, cpu, progress, cancellation);
        SelfTestReport report = new(device, results, isRemembered: false);

        // What did not run may run the next time: memory was short, or the device was lost.
        if (results.All(result => result.Failure is null))
        {
            cache.Keep(key, report.ToBytes());
        }

        return report;
    }
}
