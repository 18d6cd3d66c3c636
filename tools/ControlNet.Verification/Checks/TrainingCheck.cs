using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.Json;
using ControlNet.Native.Control;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;
using ControlNet.Native.Unet;
using ControlNet.Native.Weights;

namespace ControlNet.Verification.Checks;

/// <summary>
/// Six steps of AdamW from a ControlNet cut out of a UNet: losses, norms of the gradient, some gradients at the first
/// steps and the last, and all parameters afterwards.
/// </summary>
public sealed class TrainingCheck : GoldenCheck
{
    private const double LossLimit = 1e-5;

    private const double NormLimit = 1e-4;

    /// <summary>Absolute, at a learning rate of 1e-3: Adam makes whole steps of tiny gradients.</summary>
    private const double ParameterLimit = 1e-4;

    private const double ChecksumLimit = 1e-5;

    /// <summary>Rounding of one step moves the next: limits by the number of the step.</summary>
    private static readonly Dictionary<int, double> s_gradientLimits = new() { [1] = 1e-4, [2] = 3e-4, [6] = 2e-3 };

    /// <inheritdoc/>
    public override IEnumerable<string> Files(GoldenContext context) => ["outputs/training.safetensors"];

    /// <inheritdoc/>
    public override IEnumerable<GoldenResult> Run(GoldenContext context, string file)
    {
        GoldenTensors golden = context.Tensors(file);
        string unetPath = context.ModelOf(golden, "unet");
        using Checkpoint unetFile = Checkpoint.Open(unetPath);
        using UnetModel unet = new(unetFile.Unet!.Map(context.Device).For(WeightUse.Frozen), unetFile.Unet.Config);
        ControlNetConfig config = new()
        {
            Encoder = unetFile.Unet.Config,
            ConditioningEmbeddingOutChannels =
                [.. golden.Params.GetProperty("conditioning_embedding_out_channels").EnumerateArray()
                    .Select(width => width.GetInt32())],
        };
        using Checkpoint netFile = Checkpoint.Open(
            FromUnet(golden, new GoldenTensors(Path.Combine(unetPath, "diffusion_pytorch_model.safetensors"))),
            new CheckpointOptions { ControlNet = config });
        WeightMap map = netFile.ControlNet!.Map(context.Device).For(WeightUse.Trained);
        using ControlNetModel controlNet = new(map, config);
        return ModelGolden.Case("training", results => Train(context, golden, controlNet, unet, map, results));
    }

    private static void Train(
        GoldenContext context, GoldenTensors golden, ControlNetModel controlNet, UnetModel unet, WeightMap map,
        List<GoldenResult> results)
    {
        float[] timesteps = [.. golden["in.timesteps"].Longs().Select(t => (float)t)];
        Tensor states = context.Upload(golden["in.encoder_hidden_states"]), hint = context.Upload(golden["in.cond"]);
        Tensor noise = context.Upload(golden["in.noise"]);
        Tensor latents = Noised(context.Upload(golden["in.latents"]), noise, timesteps);
        AdamWSettings settings = Settings(golden.Params);
        (Tensor Mean, Tensor Square)[] moments =
        [
            .. map.Parameters.Select(p => (
                Tensor.Zeros(context.Device, p.Value.Shape), Tensor.Zeros(context.Device, p.Value.Shape))),
        ];
        for (int step = 1; step <= golden.Params.GetProperty("steps").GetInt32(); step++)
        {
            using TensorScope scope = TensorScope.Enter();
            using Gradients gradients = Backward(step);
            for (int i = 0; i < moments.Length; i++)
            {
                Parameter parameter = map.Parameters[i];
                Ops.AdamW(
                    parameter.Value, gradients[parameter.Value], moments[i].Mean, moments[i].Square, step, settings);
            }
        }

        Dictionary<string, float[]> trained = map.Parameters.ToDictionary(p => p.Name, p => p.Value.ToArray());
        const string Prefix = "out.param.";
        foreach (string name in golden.Names.Where(n => n.StartsWith(Prefix, StringComparison.Ordinal)))
        {
            string parameter = name[Prefix.Length..];
            double largest = golden[name].Floats().Zip(trained[parameter], (e, a) => Math.Abs((double)a - e)).Max();
            results.Add(new GoldenResult($"parameter/{parameter}", largest, ParameterLimit));
        }

        string[] order = ModelTraining.Names(golden);
        results.AddRange(ModelTraining.Checksums(
            "checksum", order, golden["out.checksum"].Floats(), trained, ChecksumLimit));

        Gradients Backward(int step)
        {
            using Tape tape = Tape.Record();
            (Tensor estimate, Tensor loss) =
                ModelTraining.Loss(controlNet, unet, latents, timesteps, states, hint, noise);
            string name = string.Create(CultureInfo.InvariantCulture, $"step{step}");
            if (golden.Has($"out.pred.{name}"))
            {
                results.Add(ModelGolden.Compare(
                    $"{name}/pred", golden[$"out.pred.{name}"], estimate, ModelGolden.NetworkLimit));
            }

            results.Add(ModelGolden.Compare(
                $"{name}/loss", [golden["out.loss"].Floats()[step - 1]], loss.ToArray(), LossLimit));
            Gradients gradients = tape.Backward(loss);
            Dictionary<string, float[]> found = ModelTraining.ByName(gradients, map.Parameters);
            float norm = (float)Math.Sqrt(found.Values.Sum(g => g.Sum(v => (double)v * v)));
            results.Add(ModelGolden.Compare(
                $"{name}/norm", [golden["out.grad_norm"].Floats()[step - 1]], [norm], NormLimit));
            string prefix = $"out.grad.{name}.";
            results.AddRange(golden.Names.Where(n => n.StartsWith(prefix, StringComparison.Ordinal)).Select(
                n => ModelGolden.Compare(
                    $"{name}/{n[prefix.Length..]}", golden[n].Floats(), found[n[prefix.Length..]],
                    s_gradientLimits[step])));
            return gradients;
        }
    }

    private static Tensor Noised(Tensor latents, Tensor noise, float[] timesteps)
    {
        NoiseSchedule schedule = NoiseSchedule.From(SchedulerConfig.StableDiffusion15);
        return Ops.Concat(0, [.. timesteps.Select((t, i) =>
            schedule.AddNoise(latents.Rows(i, 1), noise.Rows(i, 1), (int)t))]);
    }

    private static AdamWSettings Settings(JsonElement parameters) => new()
    {
        LearningRate = parameters.GetProperty("lr").GetDouble(),
        Beta1 = parameters.GetProperty("betas")[0].GetDouble(),
        Beta2 = parameters.GetProperty("betas")[1].GetDouble(),
        Eps = parameters.GetProperty("eps").GetDouble(),
        WeightDecay = parameters.GetProperty("weight_decay").GetDouble(),
    };

    /// <summary>
    /// The ControlNet as its authors begin it, as a file: the encoder copied from the UNet, the hint stack as given,
    /// the convolutions behind both zero.
    /// </summary>
    private static byte[] FromUnet(GoldenTensors golden, GoldenTensors unet)
    {
        Dictionary<string, GoldenTensor> tensors = new(StringComparer.Ordinal);
        string[] names = ModelTraining.Names(golden);
        Dictionary<string, int[]> shapes = ShapesOfZeros(golden, unet, names);
        foreach (string name in names)
        {
            string init = $"in.init.{name}";
            tensors[name] = unet.Has(name) ? unet[name]
                : golden.Has(init) ? golden[init]
                : new GoldenTensor("F32", shapes[name], new byte[4 * shapes[name].Aggregate(1, (a, b) => a * b)]);
        }

        return File(tensors);
    }

    /// <summary>A zero convolution is 1 x 1 and as wide as the skip it reads; the hint's last one is 3 x 3.</summary>
    private static Dictionary<string, int[]> ShapesOfZeros(GoldenTensors golden, GoldenTensors unet, string[] names)
    {
        int first = unet["conv_in.weight"].Shape[0];
        int hint = golden.Params.GetProperty("conditioning_embedding_out_channels")
            .EnumerateArray().Last().GetInt32();
        List<int> widths = [first];
        for (int level = 0; unet.Has($"down_blocks.{level}.resnets.0.conv1.weight"); level++)
        {
            for (int i = 0; unet.Has($"down_blocks.{level}.resnets.{i}.conv1.weight"); i++)
            {
                widths.Add(unet[$"down_blocks.{level}.resnets.{i}.conv1.weight"].Shape[0]);
            }

            if (unet.Has($"down_blocks.{level}.downsamplers.0.conv.weight"))
            {
                widths.Add(widths[^1]);
            }
        }

        Dictionary<string, int[]> shapes = new(StringComparer.Ordinal)
        {
            ["controlnet_cond_embedding.conv_out.weight"] = [first, hint, 3, 3],
            ["controlnet_cond_embedding.conv_out.bias"] = [first],
            ["controlnet_mid_block.weight"] = [widths[^1], widths[^1], 1, 1],
            ["controlnet_mid_block.bias"] = [widths[^1]],
        };
        for (int i = 0; i < widths.Count; i++)
        {
            shapes[$"controlnet_down_blocks.{i}.weight"] = [widths[i], widths[i], 1, 1];
            shapes[$"controlnet_down_blocks.{i}.bias"] = [widths[i]];
        }

        return shapes;
    }

    private static byte[] File(Dictionary<string, GoldenTensor> tensors)
    {
        using MemoryStream file = new();
        SafeTensorsWriter.Write(file, tensors.Select(pair => new SafeTensorsItem(
            pair.Key, pair.Value.DType, [.. pair.Value.Shape.Select(extent => (long)extent)], () => pair.Value.Bytes)));
        return file.ToArray();
    }
}
