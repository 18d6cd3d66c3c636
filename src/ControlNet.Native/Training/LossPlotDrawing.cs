using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Security;
using System.Text;

namespace ControlNet.Native.Training;

/// <summary>One plot while it is drawn.</summary>
internal sealed class LossPlotDrawing
{
    private const int Left = 64;
    private const int Top = 58;
    private const int Bottom = 46;
    private const int PixelsPerTickX = 90;
    private const int PixelsPerTickY = 45;

    /// <summary>Circles are drawn while they do not touch.</summary>
    private const int MostCircles = 80;

    private const string Style =
        """
          <style>
            text { font: 12px system-ui, sans-serif; fill: #1f2328 }
            .title { font-size: 15px; font-weight: 600 }
            .page { fill: #ffffff }
            .grid { stroke: #d8dee4; stroke-width: 1 }
            .frame { stroke: #818b98; stroke-width: 1; fill: none }
            .raw { stroke: #a5cbf7; stroke-width: 1.6; stroke-linecap: round; fill: none }
            .dots { stroke-width: 3 }
            .loss { stroke: #0969da; stroke-width: 2; stroke-linejoin: round; fill: none }
            .fidelity { stroke: #bc4c00; stroke-width: 2; stroke-linejoin: round; fill: none }
            .dot { fill: #bc4c00 }
            .mark { stroke: #1a7f37; stroke-width: 1.5; stroke-dasharray: 5 4 }
            .converged { fill: #1a7f37; font-weight: 600 }
            @media (prefers-color-scheme: dark) {
              text { fill: #d1d7e0 }
              .page { fill: #0d1117 }
              .grid { stroke: #262c36 }
              .frame { stroke: #656c76 }
              .raw { stroke: #1c4270 }
              .loss { stroke: #58a6ff }
              .fidelity { stroke: #f0883e }
              .dot { fill: #f0883e }
              .mark { stroke: #3fb950 }
              .converged { fill: #3fb950 }
            }
          </style>
        """;

    private readonly StringBuilder _svg = new();
    private readonly IReadOnlyList<TrainingMetrics> _metrics;
    private readonly LossPlotOptions _look;
    private readonly TrainingMetrics[] _losses;
    private readonly TrainingMetrics[] _fidelities;
    private readonly double _right;
    private readonly double _bottom;
    private readonly PlotAxis _steps;
    private readonly PlotAxis _loss;
    private readonly PlotAxis _fidelity;

    public LossPlotDrawing(IReadOnlyList<TrainingMetrics> metrics, LossPlotOptions look)
    {
        (_metrics, _look) = (metrics, look);
        _losses = [.. metrics.Where(step => double.IsFinite(step.Loss) && (step.Loss > 0 || !look.LogarithmicLoss))];
        _fidelities = [.. metrics.Where(step => step.Fidelity is double value && double.IsFinite(value))];
        _right = look.Width - (_fidelities.Length > 0 ? 58 : 24);
        _bottom = look.Height - Bottom;
        _steps = PlotAxis.Linear(0, metrics.Count == 0 ? 1 : metrics[^1].Step, Left, _right);
        _fidelity = PlotAxis.Linear(0, 1, _bottom, Top);
        double least = _losses.Length == 0 ? 0.01 : _losses.Min(step => step.Loss);
        double most = _losses.Length == 0 ? 1 : _losses.Max(step => step.Loss);
        _loss = look.LogarithmicLoss
            ? PlotAxis.Logarithmic(least, most, _bottom, Top)
            : PlotAxis.Linear(Math.Min(0, least), 1.05 * most, _bottom, Top);
    }

    /// <summary>The whole file.</summary>
    public override string ToString()
    {
        string title = Escaped(_look.Title.Length == 0 ? "Training loss" : _look.Title);
        Line($"""<svg xmlns="http://www.w3.org/2000/svg" width="{_look.Width}" height="{_look.Height}" """ +
            $"""viewBox="0 0 {_look.Width} {_look.Height}" role="img" aria-label="{title}">""");
        _svg.Append(Style).Append('\n');
        Line($"""  <rect class="page" width="{_look.Width}" height="{_look.Height}"/>""");
        if (_look.Title.Length > 0)
        {
            Line($"""  <text class="title" x="{Left}" y="24">{title}</text>""");
        }

        DrawAxes();
        DrawLegend();
        if (_losses.Length == 0)
        {
            Line($"""  <text x="{N((Left + _right) / 2)}" y="{N((Top + _bottom) / 2)}" """ +
                """text-anchor="middle">no step yet</text>""");
        }

        DrawLoss();
        DrawFidelity();
        DrawConvergence();
        Line("</svg>");
        return _svg.ToString();
    }

    private void DrawAxes()
    {
        foreach (PlotTick tick in _loss.Ticks((int)((_bottom - Top) / PixelsPerTickY)))
        {
            Line($"""  <path class="grid" d="M{Left} {N(tick.Position)}H{N(_right)}"/>""");
            Text(Left - 8, tick.Position + 4, "end", tick.Label);
        }

        foreach (PlotTick tick in _steps.Ticks((int)((_right - Left) / PixelsPerTickX)))
        {
            Line($"""  <path class="grid" d="M{N(tick.Position)} {Top}V{N(_bottom)}"/>""");
            Text(tick.Position, _bottom + 18, "middle", tick.Label);
        }

        if (_fidelities.Length > 0)
        {
            foreach (PlotTick tick in _fidelity.Ticks(5))
            {
                Line($"""  <path class="frame" d="M{N(_right)} {N(tick.Position)}h5"/>""");
                Text(_right + 9, tick.Position + 4, "start", tick.Label);
            }

            double x = _look.Width - 12, y = (Top + _bottom) / 2;
            Line($"""  <text x="{N(x)}" y="{N(y)}" text-anchor="middle" """ +
                $"""transform="rotate(90 {N(x)} {N(y)})" dy="4">fidelity</text>""");
        }

        Line($"""  <path class="frame" d="M{Left} {Top}H{N(_right)}V{N(_bottom)}H{Left}Z"/>""");
        Text((Left + _right) / 2, _look.Height - 10, "middle", "step");
        double middle = (Top + _bottom) / 2;
        Line($"""  <text x="16" y="{N(middle)}" text-anchor="middle" """ +
            $"""transform="rotate(-90 16 {N(middle)})">loss{(_look.LogarithmicLoss ? " (log)" : "")}</text>""");
    }

    private void DrawLegend()
    {
        const double Y = Top - 14;
        Line($"""  <path class="raw dots" d="M{Left} {N(Y)}h0M{Left + 7} {N(Y - 4)}h0M{Left + 14} {N(Y + 1)}h0"/>""");
        Text(Left + 22, Y + 4, "start", "loss");
        Line($"""  <path class="loss" d="M{Left + 66} {N(Y)}h18"/>""");
        Text(Left + 90, Y + 4, "start", "smoothed");
        if (_fidelities.Length > 0)
        {
            Line($"""  <path class="fidelity" d="M{Left + 166} {N(Y)}h18"/>""");
            Text(Left + 190, Y + 4, "start", "fidelity (right)");
        }
    }

    private void DrawLoss()
    {
        StringBuilder raw = new(), smoothed = new();
        ExponentialAverage average = new(_look.Smoothing);
        foreach (IGrouping<double, TrainingMetrics> column in _losses.GroupBy(ColumnOf))
        {
            double high = _loss.Position(column.Max(step => step.Loss));
            double low = _loss.Position(column.Min(step => step.Loss));
            raw.Append('M').Append(N(column.Key)).Append(' ').Append(N(high)).Append('V').Append(N(low));
            foreach (TrainingMetrics step in column)
            {
                average.Add(step.Loss);
            }

            double y = _loss.Position(average.Value);
            smoothed.Append(smoothed.Length == 0 ? 'M' : 'L').Append(N(column.Key)).Append(' ').Append(N(y));
        }

        if (raw.Length > 0)
        {
            bool isSparse = _losses.Length <= (_right - Left) / 2;
            Line($"""  <path class="{(isSparse ? "raw dots" : "raw")}" d="{raw}"/>""");
            Line($"""  <path class="loss" d="{smoothed}"/>""");
        }
    }

    private void DrawFidelity()
    {
        StringBuilder path = new();
        foreach (TrainingMetrics step in _fidelities)
        {
            (double x, double y) = (_steps.Position(step.Step), FidelityY(step));
            path.Append(path.Length == 0 ? 'M' : 'L').Append(N(x)).Append(' ').Append(N(y));
        }

        if (path.Length > 0)
        {
            Line($"""  <path class="fidelity" d="{path}"/>""");
        }

        foreach (TrainingMetrics step in _fidelities.Length <= MostCircles ? _fidelities : [])
        {
            Line($"""  <circle class="dot" cx="{N(_steps.Position(step.Step))}" cy="{N(FidelityY(step))}" r="2.5"/>""");
        }
    }

    private void DrawConvergence()
    {
        if (_look.ConvergedFidelity is not double threshold
            || LossPlot.ConvergedAt(_metrics, threshold) is not long step)
        {
            return;
        }

        double x = _steps.Position(step);
        bool isLate = x > (Left + _right) / 2;
        Line($"""  <path class="mark" d="M{N(x)} {Top}V{N(_bottom)}"/>""");
        Line($"""  <text class="converged" x="{N(isLate ? x - 7 : x + 7)}" y="{Top + 16}" """ +
            $"""text-anchor="{(isLate ? "end" : "start")}">converged at step {step}</text>""");
    }

    private double ColumnOf(TrainingMetrics step) => Math.Round(_steps.Position(step.Step));

    private double FidelityY(TrainingMetrics step) => _fidelity.Position(Math.Clamp(step.Fidelity!.Value, 0, 1));

    private void Text(double x, double y, string anchor, string text) =>
        Line($"""  <text x="{N(x)}" y="{N(y)}" text-anchor="{anchor}">{text}</text>""");

    private void Line(string text) => _svg.Append(text).Append('\n');

    /// <summary>A place in pixels, to a tenth of one.</summary>
    private static string N(double pixels) => pixels.ToString("0.#", CultureInfo.InvariantCulture);

    /// <summary>Text of the user's as XML; characters XML cannot hold are left out.</summary>
    private static string Escaped(string text) =>
        SecurityElement.Escape(string.Concat(text.Where(c => c >= ' ' && !char.IsSurrogate(c) && c < '\uFFFE')));
}
