using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using ControlNet.Native.Tensors;

namespace ControlNet.Native;

/// <summary>
/// A way to keep weights, and what a piece of work then takes: transformed convolution weights are fast and large,
/// 16-bit weights are small, and pictures in bands take less than whole ones.
/// </summary>
/// <param name="Options">The options to load with; hand their storage and growth to control networks too.</param>
/// <param name="PeakBytes">The most bytes the device will hold at once.</param>
public sealed record MemoryPlan(LoadOptions Options, long PeakBytes)
{
    /// <summary>The ways to keep weights, fastest first, each worked out when it is asked for.</summary>
    /// <param name="device">Where the work will be done.</param>
    /// <param name="options">
    /// How to load otherwise. A storage, growth or tiling that is set is kept; what is null is varied.
    /// </param>
    /// <param name="rehearse">
    /// The work: load with these options on this device, and generate. It is called once for each way, with a device
    /// that only plans (<see cref="Device.ForPlanning"/>), and takes milliseconds; few steps tell as much as many.
    /// </param>
    public static IEnumerable<MemoryPlan> Ways(
        Device device, LoadOptions options, Action<Device, LoadOptions> rehearse)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(rehearse);
        WeightGrowth[] growths = options.WeightGrowth is { } growth
            ? [growth]
            : [WeightGrowth.Full, WeightGrowth.Moderate, WeightGrowth.None];
        bool[] tilings = options.TileVae is { } given ? [given] : [false, true];
        DType?[] storages = options.WeightStorage is { } storage ? [storage]
            : options.Activations == DType.F16 ? [DType.F16]
            : [null, DType.F16];
        return
            from kept in storages
            from grown in growths
            from tiled in tilings
            select Rehearsed(
                device, options with { WeightStorage = kept, WeightGrowth = grown, TileVae = tiled }, rehearse);
    }

    /// <summary>The fastest way that fits.</summary>
    /// <param name="device">Where the work will be done.</param>
    /// <param name="options">As in <see cref="Ways"/>.</param>
    /// <param name="budgetBytes">Bytes the device may hold at once.</param>
    /// <param name="rehearse">As in <see cref="Ways"/>.</param>
    /// <exception cref="MemoryBudgetException">None fits.</exception>
    public static MemoryPlan Choose(
        Device device, LoadOptions options, long budgetBytes, Action<Device, LoadOptions> rehearse)
    {
        long smallest = long.MaxValue;
        foreach (MemoryPlan way in Ways(device, options, rehearse))
        {
            if (way.PeakBytes <= budgetBytes)
            {
                return way;
            }

            smallest = Math.Min(smallest, way.PeakBytes);
        }

        throw new MemoryBudgetException(string.Create(
            CultureInfo.InvariantCulture,
            $"the work takes at least {smallest} bytes ({Gibibytes(smallest)}), but {budgetBytes} ") + string.Create(
            CultureInfo.InvariantCulture,
            $"({Gibibytes(budgetBytes)}) are allowed; take a smaller image, 16-bit weights, or allow more"));
    }

    /// <summary>The way in words.</summary>
    public override string ToString()
    {
        string type = Options.WeightStorage is { } storage ? $"{storage.Name()} weights" : "weights as stored";
        string growth = Options.WeightGrowth switch
        {
            WeightGrowth.Full => "convolutions kept transformed, full growth",
            WeightGrowth.Moderate => "convolutions kept transformed, moderate growth",
            WeightGrowth.None => "convolutions at their own size",
            _ => "convolutions by their type",
        };
        string activations = Options.Activations == DType.F32 ? "" : $", {Options.Activations.Name()} activations";
        string pictures = Options.TileVae == true ? ", pictures in bands" : "";
        return $"{Gibibytes(PeakBytes)}: {type}{activations}, {growth}{pictures}";
    }

    private static MemoryPlan Rehearsed(Device device, LoadOptions options, Action<Device, LoadOptions> rehearse)
    {
        using Device planner = device.ForPlanning();
        rehearse(planner, options);
        return new MemoryPlan(options, planner.PeakBytes);
    }

    private static string Gibibytes(long bytes) =>
        string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 30):0.00} GiB");
}
