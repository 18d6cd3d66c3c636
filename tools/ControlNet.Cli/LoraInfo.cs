using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using ControlNet.Native.Weights;

namespace ControlNet.Cli;

/// <summary>What a LoRA changes, in lines.</summary>
internal static class LoraInfo
{
    // What trainers note about the model a LoRA was made for.
    private static readonly string[] s_bases = ["ss_base_model_version", "modelspec.architecture", "ss_sd_model_name"];

    /// <summary>The lines for one file.</summary>
    public static IEnumerable<string> Of(string path)
    {
        using Lora lora = Lora.Open(path);
        string layout = lora.Layout switch
        {
            LoraLayout.Kohya => "kohya",
            LoraLayout.Peft => "PEFT",
            _ => "old diffusers",
        };
        yield return Text($"{path}: LoRA, {layout}, {lora.ModuleCount} modules");
        foreach (string key in s_bases.Where(lora.Metadata.ContainsKey))
        {
            yield return $"  {key}: {ErrorReport.OneLine(lora.Metadata[key])}";
        }

        foreach (IGrouping<LoraNetwork, LoraPair> network in
            lora.Pairs.GroupBy(pair => pair.Network).OrderBy(group => group.Key))
        {
            string noun = network.Key switch
            {
                LoraNetwork.Unet => "UNet",
                LoraNetwork.Text => "text encoder",
                _ => "ControlNet",
            };
            string ranks = Range("rank", "ranks", network.Select(pair => (double)pair.Rank));
            string alphas = Range("alpha", "alpha", network.Select(pair => pair.Alpha));
            yield return Text($"  {noun}: {network.Count()} modules, {ranks}, {alphas}");
        }

        foreach (LoraLeftover left in lora.Leftovers)
        {
            yield return $"  not applicable: '{ErrorReport.OneLine(left.Name)}': {left.Reason}";
        }
    }

    private static string Range(string one, string several, IEnumerable<double> values)
    {
        double[] all = [.. values.Order()];
        return all[0] == all[^1] ? Text($"{one} {all[0]:0.###}") : Text($"{several} {all[0]:0.###} to {all[^1]:0.###}");
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
