using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using ControlNet.Native.Control;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Unet;
using ControlNet.Native.Vae;
using ControlNet.Native.Weights;

namespace ControlNet.Verification.Checks;

/// <summary>
/// The output of every module on the way through a UNet, a ControlNet and an autoencoder. A module of the golden file
/// that the library does not report is a failure.
/// </summary>
public sealed class TraceCheck : GoldenCheck
{
    /// <inheritdoc/>
    public override IEnumerable<string> Files(GoldenContext context) =>
    [
        "outputs/unet_trace_sd1-tiny.safetensors", "outputs/unet_trace_sd2-tiny.safetensors",
        "outputs/vae_trace_sd1-tiny.safetensors", "outputs/controlnet_trace_canny.safetensors",
    ];

    /// <inheritdoc/>
    public override IEnumerable<GoldenResult> Run(GoldenContext context, string file)
    {
        GoldenTensors golden = context.Tensors(file);
        using Checkpoint checkpoint = Checkpoint.Open(context.ModelOf(golden));
        Dictionary<string, GoldenResult> found = new(StringComparer.Ordinal);
        List<GoldenResult> results = ModelGolden.Case(file, outputs =>
        {
            using ModuleTrace trace = ModuleTrace.Start((path, tensor) =>
            {
                string name = $"trace/{path}";
                if (golden.Has(name))
                {
                    found[path] = ModelGolden.Compare(name, golden[name], tensor, context.Limit());
                }

                // What leaves the encoder of an autoencoder is what its last convolution gives.
                if (path == "quant_conv")
                {
                    outputs.Add(
                        ModelGolden.Compare("out.moments", golden["out.moments"], tensor, context.Limit()));
                }
            });
            if (file.Contains("vae_trace", StringComparison.Ordinal))
            {
                RunVae(context, golden, checkpoint, outputs);
            }
            else if (file.Contains("controlnet_trace", StringComparison.Ordinal))
            {
                RunControlNet(context, golden, checkpoint, outputs);
            }
            else
            {
                RunUnet(context, golden, checkpoint, outputs);
            }
        });
        foreach (JsonElement entry in golden.Params.GetProperty("order").EnumerateArray())
        {
            string path = entry.GetString()!;
            results.Add(found.TryGetValue(path, out GoldenResult? result)
                ? result
                : new GoldenResult(
                    $"trace/{path}", double.NaN, context.Limit(), "the library does not report this module"));
        }

        return results;
    }

    private static void RunUnet(
        GoldenContext context, GoldenTensors golden, Checkpoint checkpoint, List<GoldenResult> outputs)
    {
        using UnetModel model = new(checkpoint.Unet!.Map(context.Device).Under(context), checkpoint.Unet.Config);
        using TextContext text = new(context.Upload(golden["in.encoder_hidden_states"]));
        Tensor estimate = model.Forward(context.Upload(golden["in.sample"]), golden["in.timestep"].Floats(), text);
        outputs.Add(ModelGolden.Compare("out.sample", golden["out.sample"], estimate, context.Limit()));
    }

    private static void RunControlNet(
        GoldenContext context, GoldenTensors golden, Checkpoint checkpoint, List<GoldenResult> outputs)
    {
        using ControlNetModel model = new(
            checkpoint.ControlNet!.Map(context.Device).Under(context), checkpoint.ControlNet.Config);
        using TextContext text = new(context.Upload(golden["in.encoder_hidden_states"]));
        Tensor hint = model.EncodeHint(context.Upload(golden["in.cond"]));
        ControlResiduals residuals = model.Forward(
            context.Upload(golden["in.sample"]), golden["in.timestep"].Floats(), text, hint);
        outputs.AddRange(ControlNetCheck.CompareResiduals(context, golden, "out.", residuals));
    }

    private static void RunVae(
        GoldenContext context, GoldenTensors golden, Checkpoint checkpoint, List<GoldenResult> outputs)
    {
        using Autoencoder model = new(checkpoint.Vae!.Map(context.Device).Under(context), checkpoint.Vae.Config);
        _ = model.Encode(context.Upload(golden["in.image"]));
        Tensor image = model.Decode(context.Upload(golden["in.z"]));
        outputs.Add(ModelGolden.Compare("out.image", golden["out.image"], image, context.Limit()));
    }
}
