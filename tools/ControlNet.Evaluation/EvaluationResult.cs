using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Datasets;
using ControlNet.Native.Imaging;

namespace ControlNet.Evaluation;

/// <summary>How well the pictures of a row obey their scenes.</summary>
/// <param name="Row">How they were asked for.</param>
/// <param name="Scores">One for each scene.</param>
/// <param name="Sheet">The first pictures, for the contact sheet.</param>
/// <param name="SecondsPerImage">How long a picture took.</param>
public sealed record EvaluationResult(
    EvaluationRow Row, IReadOnlyList<SceneScore> Scores, IReadOnlyList<RgbImage> Sheet, double SecondsPerImage)
{
    /// <summary>Mean overlap of the foreground with the scene's, 0 to 1.</summary>
    public double MaskIoU => Mean(score => score.MaskIoU);

    /// <summary>Mean agreement of edges, 0 to 1.</summary>
    public double EdgeF1 => Mean(score => score.Edges.F1);

    /// <summary>Mean share of shapes and background that have their colour in their place, 0 to 1.</summary>
    public double ColourAccuracy => Mean(score => score.ColourAccuracy);

    /// <summary>Mean share of the colours asked for that are there at all, 0 to 1.</summary>
    public double ColourPresence => Mean(score => score.ColourPresence);

    private double Mean(Func<SceneScore, double> measure) => Scores.Average(measure);
}
