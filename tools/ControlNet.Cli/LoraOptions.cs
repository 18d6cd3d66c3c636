using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.IO;
using ControlNet.Native.Weights;

namespace ControlNet.Cli;

/// <summary>The options about LoRA. Each may be given several times.</summary>
internal sealed class LoraOptions
{
    private readonly Option<string[]> _lora = new("--lora")
    {
        Description = "LoRA for UNet and text encoder, a .safetensors file, and how strongly it acts: FILE or "
            + "FILE:SCALE, for example style.safetensors:0.8. May be given several times. [default: none, scale 1]",
        HelpName = "FILE[:SCALE]",
    };

    private readonly Option<string[]> _controlLora = new("--control-lora")
    {
        Description = "The same for the ControlNets of the image. [default: none]",
        HelpName = "FILE[:SCALE]",
    };

    private readonly Option<bool> _strict = new("--lora-strict")
    {
        Description = "Refuse a LoRA of which anything does not apply, instead of listing it. [default: off]",
    };

    /// <summary>The options, in the order of the help.</summary>
    public IEnumerable<Option> All => [_lora, _controlLora, _strict];

    /// <summary>Opens the LoRA asked for.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="controlNets">How many ControlNets the image has.</param>
    /// <returns>Open files that belong to the caller.</returns>
    /// <exception cref="UsageException">A scale is no number, or there is nothing to apply a LoRA to.</exception>
    /// <exception cref="SafeTensorsException">A file is missing or damaged.</exception>
    /// <exception cref="CheckpointException">A file is no LoRA.</exception>
    public LoraJobs Read(ParseResult arguments, int controlNets)
    {
        string[] ofModel = arguments.GetValue(_lora) ?? [], ofControls = arguments.GetValue(_controlLora) ?? [];
        if (ofControls.Length > 0 && controlNets == 0)
        {
            throw new UsageException($"{_controlLora.Name} needs --control-net, the ControlNet it changes");
        }

        LoraJobs jobs = new(arguments.GetValue(_strict));
        try
        {
            foreach (string text in ofModel)
            {
                jobs.Model.Add(Open(_lora.Name, text));
            }

            foreach (string text in ofControls)
            {
                jobs.Controls.Add(Open(_controlLora.Name, text));
            }

            return jobs;
        }
        catch
        {
            jobs.Dispose();
            throw;
        }
    }

    /// <summary>The path as a whole where it exists, else what stands before the last colon.</summary>
    public static LoraUse Open(string option, string text)
    {
        (string path, float scale) = (text, 1f);
        int colon = text.LastIndexOf(':');
        if (colon > 0 && !Path.Exists(text) && text.AsSpan(colon).IndexOfAny('/', '\\') < 0)
        {
            path = text[..colon];
            if (!float.TryParse(text[(colon + 1)..], NumberStyles.Float, CultureInfo.InvariantCulture, out scale)
                || !float.IsFinite(scale))
            {
                throw new UsageException(
                    $"{option} '{text}': the scale behind the colon is '{text[(colon + 1)..]}', but must be a finite "
                    + "number such as 0.8");
            }
        }

        return new LoraUse(Lora.Open(path), scale);
    }
}
