using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Unet;
using ControlNet.Native.Weights;

namespace ControlNet.Verification.Checks;

/// <summary>
/// Whole UNets: sizes even and odd, batches, timesteps per image and fractional, long prompts, inpainting.
/// </summary>
public sealed class UnetCheck : GoldenCheck
{
    /// <inheritdoc/>
    public override IEnumerable<string> Files(GoldenContext context) =>
    [
        "outputs/unet_sd1-tiny.safetensors", "outputs/unet_sd2-tiny.safetensors",
        "outputs/unet_sd1-tiny-inpaint-unet.safetensors",
    ];

    /// <inheritdoc/>
    public override IEnumerable<GoldenResult> Run(GoldenContext context, string file)
    {
        GoldenTensors golden = context.Tensors(file);
        using Checkpoint checkpoint = Checkpoint.Open(context.ModelOf(golden));
        using UnetModel model = new(checkpoint.Unet!.Map(context.Device).Under(context), checkpoint.Unet.Config);
        return Run(context, golden, model);
    }

    /// <summary>Compares a model that may come from another file than the golden data names.</summary>
    public static IReadOnlyList<GoldenResult> Run(GoldenContext context, GoldenTensors golden, UnetModel model) =>
    [
        .. golden.Cases().SelectMany(name => ModelGolden.Case(name, results =>
        {
            Tensor sample = context.Upload(golden[$"{name}/in.sample"]);
            using TextContext text = new(context.Upload(golden[$"{name}/in.encoder_hidden_states"]));
            string prefix = $"{name}/out.sample";
            foreach (string output in golden.Names.Where(key => key.StartsWith(prefix, StringComparison.Ordinal)))
            {
                Tensor actual = model.Forward(sample, Timesteps(golden, name, output), text);
                results.Add(ModelGolden.Compare(output, golden[output], actual, context.Limit()));
            }
        })),
    ];

    /// <summary>Those of the case, or the one an output such as <c>out.sample.t500</c> names.</summary>
    private static float[] Timesteps(GoldenTensors golden, string name, string output)
    {
        int at = output.LastIndexOf(".t", StringComparison.Ordinal);
        return at < 0
            ? golden[$"{name}/in.timestep"].Floats()
            : [float.Parse(output[(at + 2)..], CultureInfo.InvariantCulture)];
    }
}
