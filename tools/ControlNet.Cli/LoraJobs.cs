using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using ControlNet.Native;
using ControlNet.Native.Control;
using ControlNet.Native.Weights;

namespace ControlNet.Cli;

/// <summary>The LoRA of an image to be made: open files, to be applied to what is loaded.</summary>
/// <param name="strict">Whether everything of them must apply.</param>
internal sealed class LoraJobs(bool strict) : IDisposable
{
    /// <summary>Of names that were not applied; the count says how many more there are.</summary>
    private const int NamesShown = 10;

    /// <summary>Those of UNet and text encoder.</summary>
    public List<LoraUse> Model { get; } = [];

    /// <summary>Those of the ControlNets.</summary>
    public List<LoraUse> Controls { get; } = [];

    /// <summary>Applies those of the model.</summary>
    /// <param name="model">Where to.</param>
    /// <param name="lines">Receives a line for each, and one for each module that was not applied.</param>
    public void ApplyTo(StableDiffusion model, List<string> lines) =>
        Model.ForEach(use => lines.AddRange(Describe(
            model.ApplyLora(use.Lora, use.Scale, use.TextScale, strict))));

    /// <summary>Applies those of the ControlNets to one of them.</summary>
    /// <param name="net">Where to.</param>
    /// <param name="lines">Receives a line for each, and one for each module that was not applied.</param>
    public void ApplyTo(ControlNetModel net, List<string> lines) =>
        Controls.ForEach(use => lines.AddRange(Describe(net.ApplyLora(use.Lora, use.Scale, strict))));

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        Model.ForEach(use => use.Lora.Dispose());
        Controls.ForEach(use => use.Lora.Dispose());
    }

    /// <summary>A line for a LoRA, and one for each module that was not applied.</summary>
    public static IEnumerable<string> Describe(LoraReport report)
    {
        yield return report.ToString();
        foreach (LoraLeftover left in report.Unmatched.Take(NamesShown))
        {
            yield return $"  not applied: '{ErrorReport.OneLine(left.Name)}': {left.Reason}";
        }

        if (report.Unmatched.Count > NamesShown)
        {
            yield return string.Create(
                CultureInfo.InvariantCulture, $"  and {report.Unmatched.Count - NamesShown} more");
        }
    }
}
