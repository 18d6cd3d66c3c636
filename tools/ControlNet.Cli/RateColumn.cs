using System;
using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace ControlNet.Cli;

/// <summary>How fast a task goes: evaluations of the UNet or bytes of weights.</summary>
internal sealed class RateColumn : ProgressColumn
{
    private const string BytesKey = "counts bytes";

    /// <summary>Says that a task's value is a number of bytes.</summary>
    public static void CountsBytes(ProgressTask task) => task.State.Update<bool>(BytesKey, _ => true);

    /// <inheritdoc/>
    public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime)
    {
        TimeSpan elapsed = task.ElapsedTime ?? TimeSpan.Zero;
        return new Text(
            !task.State.Get<bool>(BytesKey) ? Format(task.Value, elapsed)
            : elapsed > TimeSpan.Zero ? string.Create(
                CultureInfo.InvariantCulture, $"{task.Value / elapsed.TotalSeconds / 1e6:0} MB/s")
            : string.Empty);
    }

    /// <summary>For example <c>2.41 it/s</c> or <c>3.20 s/it</c>; empty before the first evaluation.</summary>
    public static string Format(double completed, TimeSpan elapsed)
    {
        if (completed <= 0 || elapsed <= TimeSpan.Zero)
        {
            return string.Empty;
        }

        double perSecond = completed / elapsed.TotalSeconds;
        return perSecond >= 1
            ? string.Create(CultureInfo.InvariantCulture, $"{perSecond:0.00} it/s")
            : string.Create(CultureInfo.InvariantCulture, $"{1 / perSecond:0.00} s/it");
    }
}
