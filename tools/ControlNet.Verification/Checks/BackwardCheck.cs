using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;
using ControlNet.Native.Unet;
using ControlNet.Native.Weights;

namespace ControlNet.Verification.Checks;

/// <summary>
/// One pass backwards through a ControlNet that is trained and the frozen UNet it controls: the gradients of its
/// parameters, and those of latents, text and hint through both.
/// </summary>
public sealed class BackwardCheck : GoldenCheck
{
    /// <summary>max|x - ref| / max|ref|; the reference's own float32 is off by up to 6.8e-5.</summary>
    private const double GradientLimit = 5e-4;

    private const double LossLimit = 1e-5;

    /// <inheritdoc/>
    public override IEnumerable<string> Files(GoldenContext context) => ["outputs/backward.safetensors"];

    /// <inheritdoc/>
    public override IEnumerable<GoldenResult> Run(GoldenContext context, string file)
    {
        GoldenTensors golden = context.Tensors(file);
        using Checkpoint unetFile = Checkpoint.Open(context.ModelOf(golden, "unet"));
        using Checkpoint netFile = Checkpoint.Open(context.ModelOf(golden, "controlnet"));
        using UnetModel unet = new(unetFile.Unet!.Map(context.Device).For(WeightUse.Frozen), unetFile.Unet.Config);
        WeightMap map = netFile.ControlNet!.Map(context.Device).For(WeightUse.Trained);
        using ControlNetModel controlNet = new(map, netFile.ControlNet.Config);
        return ModelGolden.Case("backward", results => Compare(context, golden, controlNet, unet, map, results));
    }

    private static void Compare(
        GoldenContext context, GoldenTensors golden, ControlNetModel controlNet, UnetModel unet, WeightMap map,
        List<GoldenResult> results)
    {
        float[] timesteps = [.. golden["in.timesteps"].Longs().Select(t => (float)t)];
        Dictionary<string, Tensor> inputs = new()
        {
            ["sample"] = context.Upload(golden["in.sample"]).RequireGradient(),
            ["encoder_hidden_states"] = context.Upload(golden["in.encoder_hidden_states"]).RequireGradient(),
            ["cond"] = context.Upload(golden["in.cond"]).RequireGradient(),
        };
        using Tape tape = Tape.Record();
        (Tensor estimate, Tensor loss) = ModelTraining.Loss(
            controlNet, unet, inputs["sample"], timesteps, inputs["encoder_hidden_states"], inputs["cond"],
            context.Upload(golden["in.noise"]));
        using Gradients gradients = tape.Backward(loss);

        results.Add(ModelGolden.Compare("forward/pred", golden["out.pred"], estimate, ModelGolden.NetworkLimit));
        results.Add(ModelGolden.Compare("forward/loss", golden["out.loss"].Floats(), loss.ToArray(), LossLimit));
        foreach ((string name, Tensor input) in inputs)
        {
            results.Add(ModelGolden.Compare(
                $"input/{name}", golden[$"out.grad_in.{name}"], gradients[input], GradientLimit));
        }

        Dictionary<string, float[]> actual = ModelTraining.ByName(gradients, map.Parameters);
        const string Prefix = "out.grad.";
        foreach (string name in golden.Names.Where(n => n.StartsWith(Prefix, StringComparison.Ordinal)))
        {
            string parameter = name[Prefix.Length..];
            results.Add(actual.TryGetValue(parameter, out float[]? gradient)
                ? ModelGolden.Compare($"parameter/{parameter}", golden[name].Floats(), gradient, GradientLimit)
                : new GoldenResult($"parameter/{parameter}", double.NaN, GradientLimit, "is no parameter here"));
        }

        string[] order = ModelTraining.Names(golden);
        results.AddRange(ModelTraining.Checksums(
            "checksum", order, golden["out.grad_checksum"].Floats(), actual, GradientLimit));
    }
}
