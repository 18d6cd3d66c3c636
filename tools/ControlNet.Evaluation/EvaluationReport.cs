using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using ControlNet.Native.Imaging;
using ControlNet.Native.Training;

namespace ControlNet.Evaluation;

/// <summary>The results as a Markdown table and a contact sheet.</summary>
public static class EvaluationReport
{
    /// <summary>The table, the best value for every measure being 1.</summary>
    public static string Markdown(
        IReadOnlyList<EvaluationResult> results, EvaluationOptions options, (bool ScaleZero, bool StepZero)? identity)
    {
        ArgumentNullException.ThrowIfNull(results);
        ArgumentNullException.ThrowIfNull(options);
        StringBuilder text = new();
        CultureInfo plain = CultureInfo.InvariantCulture;
        text.Append(
            plain,
            $"{options.Scenes} unseen scenes a row (seed {options.Seed}), {options.Size} x {options.Size}, ").Append(
            plain, $"{options.Steps} steps, guidance {options.GuidanceScale} ").Append(
            plain, $"(guess {options.GuessGuidanceScale}).\n\n");
        text.Append("| | mask IoU | edge F1 | colours in place | colours at all | s an image |\n");
        text.Append("|---|---|---|---|---|---|\n");
        foreach (EvaluationResult result in results)
        {
            text.Append(
                plain,
                $"| {result.Row.Name} | {result.MaskIoU:0.00} | {result.EdgeF1:0.00} | ").Append(
                plain,
                $"{result.ColourAccuracy:0.00} | {result.ColourPresence:0.00} | {result.SecondsPerImage:0.00} |\n");
        }

        if (identity is { } same)
        {
            text.Append('\n').Append(
                plain, $"Scale 0 gives the base model's pictures bit for bit: {Word(same.ScaleZero)}. ").Append(
                plain, $"A network at step 0 does: {Word(same.StepZero)}.\n");
        }

        return text.ToString();
    }

    /// <summary>A row of pictures for each scene: hint, drawing, then what each row of the table gave.</summary>
    public static RgbImage Sheet(
        IReadOnlyList<IReadOnlyList<RgbImage>> originals, IReadOnlyList<EvaluationResult> results) =>
        SampleGrid.Compose([.. originals.Select((row, i) =>
            (IReadOnlyList<RgbImage>)[.. row, .. results.Select(result => result.Sheet[i])])]);

    private static string Word(bool value) => value ? "yes" : "NO";
}
