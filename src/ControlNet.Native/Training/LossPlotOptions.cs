namespace ControlNet.Native.Training;

/// <summary>How a <see cref="LossPlot"/> looks.</summary>
public sealed record LossPlotOptions
{
    /// <summary>Above the plot; empty for none.</summary>
    public string Title { get; init; } = string.Empty;

    /// <summary>Width in pixels, from 320.</summary>
    public int Width { get; init; } = 860;

    /// <summary>Height in pixels, from 200.</summary>
    public int Height { get; init; } = 420;

    /// <summary>Whether the axis of the loss is logarithmic; a loss of 0 is then left out.</summary>
    public bool LogarithmicLoss { get; init; } = true;

    /// <summary>Memory of the smoothed line, from 0 (none) to below 1; see <see cref="ExponentialAverage"/>.</summary>
    public double Smoothing { get; init; } = 0.98;

    /// <summary>The fidelity from which on the run counts as converged, 0 to 1; null marks nothing.</summary>
    public double? ConvergedFidelity { get; init; } = 0.75;
}
