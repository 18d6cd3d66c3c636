using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Imaging;

namespace ControlNet.Native.Training;

/// <summary>
/// Loss and fidelity of a run over its steps, as an SVG that is readable on light and on dark pages. The text depends
/// on the metrics and options alone.
/// </summary>
public static class LossPlot
{
    /// <summary>
    /// Draws the plot: every loss as a point (of steps that share a column of pixels their range), the smoothed loss as
    /// a line, and where it was measured the fidelity against a second axis from 0 to 1.
    /// </summary>
    /// <param name="metrics">Steps in ascending order; may be empty.</param>
    /// <param name="options">How it looks; null for the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">The plot would be too small, or a smoothing is not below
    /// 1.</exception>
    public static string Svg(IReadOnlyList<TrainingMetrics> metrics, LossPlotOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(metrics);
        LossPlotOptions look = options ?? new LossPlotOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(look.Width, 320);
        ArgumentOutOfRangeException.ThrowIfLessThan(look.Height, 200);
        if (look.Smoothing is not (>= 0 and < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(options), look.Smoothing, "smoothing is from 0 to below 1");
        }

        return new LossPlotDrawing(metrics, look).ToString();
    }

    /// <summary>Draws the plot into a file; readers see the old one or the new one, never a part.</summary>
    /// <param name="path">The file; its folder must exist.</param>
    /// <param name="metrics">Steps in ascending order; may be empty.</param>
    /// <param name="options">How it looks; null for the defaults.</param>
    /// <exception cref="ImageFileException">The file cannot be written.</exception>
    public static void Save(string path, IReadOnlyList<TrainingMetrics> metrics, LossPlotOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ImageFile.Write(path, System.Text.Encoding.UTF8.GetBytes(Svg(metrics, options)));
    }

    /// <summary>The first step whose fidelity reached a threshold; null when none has.</summary>
    /// <param name="metrics">Steps in ascending order.</param>
    /// <param name="fidelity">The threshold, 0 to 1.</param>
    public static long? ConvergedAt(IReadOnlyList<TrainingMetrics> metrics, double fidelity)
    {
        ArgumentNullException.ThrowIfNull(metrics);
        return metrics.FirstOrDefault(step => step.Fidelity >= fidelity)?.Step;
    }
}
