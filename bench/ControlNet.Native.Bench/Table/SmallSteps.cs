using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Text.Json.Nodes;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;
using ControlNet.Native.Training;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Bench.Table;

/// <summary>
/// Training steps of a small model at 128 x 128, as <see cref="Trainer"/> takes them: images a second and the share of
/// the peak of fused multiply-adds, measured between the steps.
/// </summary>
/// <remarks>
/// Counted are the products with weights, each three times: forward, data gradient, weight gradient. Attention, norms,
/// activations and the optimiser count for nothing.
/// </remarks>
internal static class SmallSteps
{
    private const int Side = 128, Latent = Side / 8, Tokens = 77, Warm = 5;

    /// <summary>Prints a line for UNet with text encoder (16 images a step) and for the autoencoder (8).</summary>
    public static void Print(string model, int threads, int rounds)
    {
        using Device device = Devices.Cpu(threads);
        LoadOptions load = new();
        Console.WriteLine("\n| small model | images a step | ms | images/s | GFLOP a step | of peak |");
        Console.WriteLine("|---|---|---|---|---|---|");
        using (TrainingTask unet = new DenoiserTask(model, device, new() { CacheLatents = true }, load))
        {
            Print("UNet, text encoder", unet, 16, threads, rounds);
        }

        using TrainingTask vae = new AutoencoderTask(model, device, new(), load);
        Print("autoencoder", vae, 8, threads, rounds);
    }

    private static void Print(string name, TrainingTask task, int count, int threads, int rounds)
    {
        using AdamWOptimizer optimizer = new(task.Groups, emaDecay: 0.999);
        using Gradients gradients = new();
        using HardwareCall fma = HardwareCall.Make(new JsonObject { ["case"] = "fma" }, threads);
        double fmaWork = (double)fma.First()["work"]!;
        List<double> steps = [], peaks = [];
        TrainingBatch batch = new([.. Enumerable.Range(0, count).Select(Sample)], [.. Enumerable.Range(0, count)], 0);
        for (int i = -Warm; i < rounds; i++)
        {
            double seconds = Time(() => Step(task, optimizer, gradients, batch, i + Warm + 1));
            double peak = fmaWork / Time(fma.Run);
            if (i >= 0)
            {
                steps.Add(seconds);
                peaks.Add(peak);
            }
        }

        double step = Median(steps), work = count * task.Groups.Sum(g => g.Parameters.Sum(Work));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {name} | {count} | {1000 * step:f0} | {count / step:f0} | {work / 1e9:f1} " +
            $"| {work / step / Median(peaks):p0} |"));
    }

    private static void Step(
        TrainingTask task, AdamWOptimizer optimizer, Gradients gradients, TrainingBatch batch, long step)
    {
        task.Accumulate(batch, gradients);
        double factor = Math.Min(1, 1 / (optimizer.Norm(gradients) + 1e-6));
        optimizer.Step(gradients, step, new AdamWSettings { LearningRate = 1e-4, GradientScale = factor });
        gradients.Clear();
    }

    /// <summary>Operations of one image with one weight, by its diffusers name; of biases and tables none.</summary>
    private static double Work(Parameter parameter)
    {
        string name = parameter.Name;
        if (parameter.Value.Shape.Rank < 2 || name.Contains("embeddings", StringComparison.Ordinal))
        {
            return 0;
        }

        return 3 * 2.0 * parameter.Value.Shape.Count * Uses(name.Split('.'));
    }

    /// <summary>Pixels or words a weight of a model with four levels meets.</summary>
    private static int Uses(string[] name)
    {
        bool vae = name[0] is "encoder" or "decoder" && name[1] is not "layers";
        int at = Array.FindIndex(name, part => part is "down_blocks" or "up_blocks");
        int top = vae ? Side : Latent, bottom = top / 8, side;
        if (at >= 0)
        {
            int level = int.Parse(name[at + 1], CultureInfo.InvariantCulture);
            side = name[at] == "down_blocks" ? top >> level : bottom << level;
            side = name.Contains("downsamplers") ? side / 2 : name.Contains("upsamplers") ? 2 * side : side;
        }
        else
        {
            side = name.Contains("mid_block") || name[0] is "quant_conv" or "post_quant_conv"
                || (vae && name is ["encoder", "conv_out", ..] or ["decoder", "conv_in", ..]) ? bottom : top;
            side = name[0] is "quant_conv" or "post_quant_conv" ? Latent : side;
        }

        bool isTime = name.Any(part => part.StartsWith("time_emb", StringComparison.Ordinal));
        bool isWords = name[0] == "text_model"
            || (name.Contains("attn2") && (name.Contains("to_k") || name.Contains("to_v")));
        return isWords ? Tokens : isTime ? 1 : side * side;
    }

    private static TrainingSample Sample(int index)
    {
        byte[] pixels = new byte[3 * Side * Side];
        new Random(index).NextBytes(pixels);
        return new TrainingSample(new RgbImage(Side, Side, pixels), null, "a red circle on a blue background");
    }

    private static double Time(Action run)
    {
        long start = Stopwatch.GetTimestamp();
        run();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
