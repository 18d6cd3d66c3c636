using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using ControlNet.Native.Tensors.Gpu;
using ControlNet.Native.Tensors.Gpu.Tuning;

namespace ControlNet.Native.Tensors;

/// <summary>
/// What a device was found to be fastest with. See <see cref="Devices.Tune"/>; what results are does not depend on it.
/// </summary>
public sealed class TuningReport
{
    /// <summary>First line of what is kept on the disk. Another number makes every older report worthless.</summary>
    private const string Heading = "tuning 1";

    internal TuningReport(
        string deviceName, string description, IReadOnlyList<TuningResult> results, IReadOnlyList<string> discarded,
        bool isComplete)
    {
        DeviceName = deviceName;
        Description = description;
        Results = results;
        Discarded = discarded;
        IsComplete = isComplete;
    }

    /// <summary>Name of the device as users write it, for example <c>opencl:0</c>.</summary>
    public string DeviceName { get; }

    /// <summary>The device's own name and its driver.</summary>
    public string Description { get; }

    /// <summary>
    /// A kind of product each; none for the CPU and for CUDA, whose kernels are compiled ahead of time.
    /// </summary>
    public IReadOnlyList<TuningResult> Results { get; }

    /// <summary>
    /// Tiles that were out of the question, each with the reason: they do not build or do not run, or other bits come
    /// out. Empty for a report of an earlier run.
    /// </summary>
    public IReadOnlyList<string> Discarded { get; }

    /// <summary>Whether every tile was tried; false where time was up before.</summary>
    public bool IsComplete { get; }

    /// <summary>The report as it is kept on the disk.</summary>
    internal byte[] ToBytes()
    {
        StringBuilder text = new(Heading);
        text.Append(IsComplete ? "\ncomplete" : "\ncut short");
        foreach (TuningResult r in Results)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"\n{r.Operation}\t{r.UsualMs:R}\t{r.BestMs:R}\t{(int)r.Level}\t{r.Chosen}\t");
            text.AppendJoin('|', r.Modules);
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }

    /// <summary>The report of a device as it was kept; null when these are no results.</summary>
    internal static TuningReport? FromBytes(string deviceName, string description, byte[] bytes)
    {
        string[] lines = Encoding.UTF8.GetString(bytes).Split('\n');
        if (lines.Length < 2 || lines[0] != Heading || lines[1] is not ("complete" or "cut short"))
        {
            return null;
        }

        List<TuningResult> results = [];
        foreach (string line in lines.AsSpan(2))
        {
            if (line.Split('\t') is not [{ } operation, { } usual, { } best, { } level, { } tile, { } modules] ||
                !TryParse(usual, out double usualMs) || !TryParse(best, out double bestMs) ||
                !Enum.TryParse(level, out TileLevel of) || !Enum.IsDefined(of) ||
                TileShape.Named(tile) is not { } chosen)
            {
                return null;
            }

            results.Add(new TuningResult(operation, usualMs, bestMs, of, chosen, modules.Split('|')));
        }

        return new TuningReport(deviceName, description, results, [], lines[1] == "complete");
    }

    /// <summary>The tiles that were chosen. Modules that no kernel is in any more are passed over.</summary>
    /// <param name="rolled">Whether the device is a processor.</param>
    internal TileTable Table(bool rolled)
    {
        TileTable table = new();
        KernelVariant[] known =
        [
            .. GpuTiles.Variants(TuningCase.Conv2d, TuningCase.Conv2d),
            .. GpuTiles.Variants(TuningCase.MatMul, TuningCase.MatMul),
        ];
        foreach (TuningResult result in Results.Where(result => !result.IsUsual))
        {
            foreach (KernelVariant usual in known.Where(kernel => result.Modules.Contains(kernel.Module)))
            {
                table.Add(usual, result.Level, result.Chosen, rolled);
            }
        }

        return table;
    }

    private static bool TryParse(string text, out double value) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value);
}
