using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace ControlNet.Native;

/// <summary>Words for what a control was told, for <see cref="GenerationParameters"/>.</summary>
internal static class ControlParameters
{
    /// <summary>The words of the A1111 extension, which has no name for the guess mode of diffusers.</summary>
    public static string NameOf(ControlMode mode) => mode switch
    {
        ControlMode.Balanced => "Balanced",
        ControlMode.Prompt => "My prompt is more important",
        ControlMode.Control => "ControlNet is more important",
        _ => "Guess",
    };

    /// <summary>The words of the A1111 extension.</summary>
    public static string NameOf(HintResize resize) => resize switch
    {
        HintResize.Crop => "Crop and Resize",
        HintResize.Fill => "Resize and Fill",
        _ => "Just Resize",
    };

    /// <summary>
    /// What the A1111 extension has no field for, one entry for each control that has any. It would reject an entry of
    /// its own that holds more than it knows, so these have another name.
    /// </summary>
    public static IEnumerable<string> Others(IReadOnlyList<ControlInput> controls)
    {
        for (int i = 0; i < controls.Count; i++)
        {
            List<string> others = [.. OthersOf(controls[i])];
            if (others.Count > 0)
            {
                yield return string.Create(
                    CultureInfo.InvariantCulture, $"Control {i}: \"{string.Join(", ", others)}\"");
            }
        }
    }

    private static IEnumerable<string> OthersOf(ControlInput control)
    {
        if (control.Mode == ControlMode.Guess && control.GuessRamp == GuessRamp.Original)
        {
            yield return "Guess Ramp: Original";
        }

        if (control.LayerScales is { } scales)
        {
            yield return "Layer Weights: " +
                string.Join(' ', scales.Select(scale => scale.ToString(CultureInfo.InvariantCulture)));
        }

        if (control.Mask is not null)
        {
            yield return "Region Mask: given";
        }
    }
}
