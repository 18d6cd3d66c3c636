using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Vae;
using ControlNet.Native.Weights;

namespace ControlNet.Verification.Checks;

/// <summary>The autoencoders: mean, log-variance and samples of the encoder, images of the decoder.</summary>
public sealed class VaeCheck : GoldenCheck
{
    /// <inheritdoc/>
    public override IEnumerable<string> Files(GoldenContext context) =>
        ["outputs/vae_sd1-tiny.safetensors", "outputs/vae_sd2-tiny.safetensors"];

    /// <inheritdoc/>
    public override IEnumerable<GoldenResult> Run(GoldenContext context, string file)
    {
        GoldenTensors golden = context.Tensors(file);
        using Checkpoint checkpoint = Checkpoint.Open(context.ModelOf(golden));
        using Autoencoder model = new(checkpoint.Vae!.Map(context.Device).Under(context), checkpoint.Vae.Config);
        return Run(context, golden, model);
    }

    /// <summary>Compares a model that may come from another file than the golden data names.</summary>
    public static IReadOnlyList<GoldenResult> Run(GoldenContext context, GoldenTensors golden, Autoencoder model) =>
    [
        .. golden.Cases().SelectMany(name => ModelGolden.Case(name, results =>
        {
            if (name.StartsWith("dec.", StringComparison.Ordinal))
            {
                results.Add(Compare($"{name}/out.image", model.Decode(context.Upload(golden[$"{name}/in.z"]))));
                return;
            }

            Tensor image = context.Upload(golden[$"{name}/in.image"]);
            VaePosterior posterior = model.Encode(image);
            if (golden.Has($"{name}/out.moments"))
            {
                float[] moments = Moments(model, image);
                results.Add(ModelGolden.Compare(
                    $"{name}/out.moments", golden[$"{name}/out.moments"].Floats(), moments, context.Limit()));
            }

            results.Add(Compare($"{name}/out.mean", posterior.Mean));
            results.Add(Compare($"{name}/out.logvar", posterior.LogVariance));
            if (golden.Has($"{name}/out.sample"))
            {
                Tensor noise = context.Upload(golden[$"{name}/in.noise"]);
                results.Add(Compare($"{name}/out.sample", posterior.Sample(noise)));
            }

            GoldenResult Compare(string output, Tensor actual) =>
                ModelGolden.Compare(output, golden[output], actual, context.Limit());
        })),
    ];

    /// <summary>The encoder's raw output in PyTorch's order: what its last convolution gives.</summary>
    private static float[] Moments(Autoencoder model, Tensor image)
    {
        List<float> moments = [];
        using ModuleTrace trace = ModuleTrace.Start((path, tensor) =>
        {
            if (path == "quant_conv")
            {
                using TensorScope scope = TensorScope.Enter();
                moments.AddRange(Ops.ToChannelsFirst(tensor).Floats());
            }
        });
        _ = model.Encode(image);
        return [.. moments];
    }
}
