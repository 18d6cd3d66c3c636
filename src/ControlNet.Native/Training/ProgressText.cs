using System;
using System.Collections.Generic;
using System.Globalization;

namespace ControlNet.Native.Training;

/// <summary>What a line of progress tells.</summary>
/// <param name="Step">Optimiser steps done.</param>
/// <param name="TotalSteps">Optimiser steps of the whole run.</param>
/// <param name="Loss">Smoothed loss; NaN when there is none yet.</param>
/// <param name="ImagesPerSecond">How fast; 0 or NaN when it is not known yet.</param>
/// <param name="Remaining">Time to the end; null when it is not known yet.</param>
/// <param name="MemoryBytes">Memory the run holds; 0 leaves it out.</param>
public readonly record struct TrainingProgress(
    long Step, long TotalSteps, double Loss, double ImagesPerSecond, TimeSpan? Remaining, long MemoryBytes)
{
    /// <summary>The last fidelity measured, 0 to 1; null leaves it out.</summary>
    public double? Fidelity { get; init; }

    /// <summary>Steps skipped because of a loss or gradient that was not finite; 0 leaves it out.</summary>
    public long SkippedSteps { get; init; }
}

/// <summary>Writes a line of progress, the same in every culture.</summary>
public static class ProgressText
{
    private const int Day = 24;

    /// <summary>
    /// For example <c>step  1200/20000 | loss 0.04120 | 15.3 images/s | 20 min 26 s left | 1.4 GiB</c>. Lines of one
    /// run keep the place of their first columns.
    /// </summary>
    public static string Line(TrainingProgress progress)
    {
        CultureInfo plain = CultureInfo.InvariantCulture;
        string total = progress.TotalSteps.ToString(plain);
        string loss = double.IsFinite(progress.Loss) ? Significant(progress.Loss, 4) : "-";
        List<string> parts = [$"step {progress.Step.ToString(plain).PadLeft(total.Length)}/{total}", $"loss {loss}"];
        if (progress.Fidelity is double fidelity)
        {
            parts.Add($"fidelity {fidelity.ToString("F3", plain)}");
        }

        if (progress.ImagesPerSecond > 0)
        {
            parts.Add($"{Significant(progress.ImagesPerSecond, 3)} images/s");
        }

        if (progress.Remaining is TimeSpan remaining)
        {
            parts.Add($"{Duration(remaining)} left");
        }

        if (progress.MemoryBytes > 0)
        {
            parts.Add(Bytes(progress.MemoryBytes));
        }

        if (progress.SkippedSteps > 0)
        {
            parts.Add($"{progress.SkippedSteps.ToString(plain)} steps skipped");
        }

        return string.Join(" | ", parts);
    }

    /// <summary>
    /// Two units of time, for example <c>2 d 3 h</c>, <c>1 h 05 min</c>, <c>20 min 26 s</c>, <c>9 s</c>.
    /// </summary>
    public static string Duration(TimeSpan time)
    {
        long seconds = Math.Max(0, (long)Math.Round(time.TotalSeconds, MidpointRounding.AwayFromZero));
        long minutes = seconds / 60, hours = minutes / 60;
        return hours >= Day ? Invariant($"{hours / Day} d {hours % Day} h")
            : hours > 0 ? Invariant($"{hours} h {minutes % 60:00} min")
            : minutes > 0 ? Invariant($"{minutes} min {seconds % 60:00} s")
            : Invariant($"{seconds} s");
    }

    /// <summary>Bytes in the binary unit that shows them best, for example <c>512 B</c> or <c>1.4 GiB</c>.</summary>
    public static string Bytes(long bytes)
    {
        ReadOnlySpan<string> units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        int unit = 0;
        double shown = bytes;
        for (; Math.Abs(shown) >= 1023.95 && unit < units.Length - 1; unit++)
        {
            shown /= 1024;
        }

        return unit == 0 ? Invariant($"{bytes} B") : Invariant($"{shown:F1} {units[unit]}");
    }

    /// <summary>A number with so many digits that count, without an exponent from 1e-4 to 1e15.</summary>
    internal static string Significant(double value, int digits)
    {
        double size = Math.Abs(value);
        if (size is (> 0 and < 1e-4) or >= 1e15)
        {
            return value.ToString($"0.{new string('0', digits - 1)}E-0", CultureInfo.InvariantCulture);
        }

        int above = size == 0 ? 0 : (int)Math.Floor(Math.Log10(size));
        return value.ToString($"F{Math.Max(0, digits - 1 - above)}", CultureInfo.InvariantCulture);
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
