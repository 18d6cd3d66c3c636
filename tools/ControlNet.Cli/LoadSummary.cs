using System.Globalization;
using System.Linq;
using ControlNet.Native.Weights;

namespace ControlNet.Cli;

/// <summary>What a load found, in one line: what the file is, in which types, and whether all of it was used.</summary>
internal static class LoadSummary
{
    /// <summary>The line for one checkpoint.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="report">What the load found.</param>
    /// <param name="predicts">Whether what the network predicts is of interest: not for a ControlNet.</param>
    public static string Of(string name, LoadReport report, bool predicts)
    {
        string types = string.Join(", ", report.ElementTypes.Select(pair => pair.Key).Order());
        string leftovers = report.Leftovers.Count == 0
            ? "nothing left over"
            : $"{report.Leftovers.Count} tensors not used, first '{report.Leftovers[0]}'";
        string assumed = report.PredictionIsAssumed ? " (assumed; --prediction says otherwise)" : string.Empty;
        string prediction = predicts ? $"predicts {report.PredictionType}{assumed}, " : string.Empty;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{name}: {Version(report.Version)}, {prediction}{report.TensorsUsed} tensors ({types}), {leftovers}");
    }

    /// <summary>The family in words.</summary>
    public static string Version(ModelVersion version) => version switch
    {
        ModelVersion.StableDiffusion1 => "Stable Diffusion 1.x",
        ModelVersion.StableDiffusion2 => "Stable Diffusion 2.x",
        _ => "no UNet to tell the family from",
    };
}
