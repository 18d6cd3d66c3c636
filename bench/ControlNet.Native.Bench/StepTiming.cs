using System;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;
using ControlNet.Native.Unet;
using ControlNet.Native.Vae;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Bench;

/// <summary>
/// Times the parts of one denoising step at true size, from a checkpoint on disk, and prints one line for each,
/// for profiling; <c>table</c> compares.
/// </summary>
internal static class StepTiming
{
    /// <summary>
    /// Runs <c>step MODEL [--control FILE] [--size N] [--batch N] [--repeat N] [--threads N] [--part P]</c>; P is unet,
    /// control, decode, all or guidance.
    /// </summary>
    public static int Run(string[] arguments)
    {
        string model = arguments[0];
        int size = Number(arguments, "--size", 512), batch = Number(arguments, "--batch", 2);
        int repeat = Number(arguments, "--repeat", 3), threads = Number(arguments, "--threads", 2);
        string part = Option(arguments, "--part") ?? "unet";
        using Device device = Devices.Cpu(threads);
        using TensorScope scope = TensorScope.Enter();
        Random random = new(1);
        Tensor latents = Normal(device, random, new Shape(batch, size / 8, size / 8, 4));
        using Checkpoint checkpoint = Checkpoint.OpenModel(model);
        using TextContext context = new(
            Normal(device, random, new Shape(batch, 77, checkpoint.Unet!.Config.CrossAttentionDim)));
        if (part is "unet" or "all")
        {
            using UnetModel unet = new(checkpoint.Unet.Map(device), checkpoint.Unet.Config);
            Time("unet", repeat, () => unet.Forward(latents, [501], context));
        }

        if (part == "guidance")
        {
            TimeGuidance(device, checkpoint, arguments, size, repeat);
        }

        if (part is "control" or "all" && Option(arguments, "--control") is { } path)
        {
            using ControlNetModel net = ControlNetModel.Load(path, device);
            Tensor hint = Normal(device, random, new Shape(1, size, size, 3));
            Time("control", repeat, () => net.Forward(latents, [501], context, net.EncodeHint(hint)));
        }

        if (part is "decode" or "all")
        {
            using Autoencoder vae = new(checkpoint.Vae!.Map(device), checkpoint.Vae.Config);
            Time("decode", repeat, () => vae.Decode(latents.Rows(0, 1)));
        }

        return 0;
    }

    /// <summary>
    /// The networks with both halves of guidance: as a repeated batch, as one batch with two texts, and that with the
    /// timesteps announced. In turn, so that the ratios hold whatever else the machine does.
    /// </summary>
    private static void TimeGuidance(Device device, Checkpoint checkpoint, string[] arguments, int size, int repeat)
    {
        Random random = new(2);
        Tensor one = Normal(device, random, new Shape(1, size / 8, size / 8, 4)), two = Ops.Concat(0, one, one);
        using TextContext text = new(
            Normal(device, random, new Shape(2, 77, checkpoint.Unet!.Config.CrossAttentionDim)));
        using TimeContext times = new([.. Enumerable.Range(0, 20).Select(i => 1f + (50 * i))]);
        if (Option(arguments, "--control") is { } path)
        {
            using ControlNetModel net = ControlNetModel.Load(path, device);
            Tensor hint = net.EncodeHint(Normal(device, random, new Shape(1, size, size, 3)));
            TimeInTurn(
                "control", repeat,
                ("repeated", () => net.Forward(two, [501], text, hint)),
                ("shared", () => net.Forward(one, [501], text, hint)),
                ("shared, timesteps announced", () => net.Forward(one, [501], text, hint, times)));
        }
        else
        {
            using UnetModel unet = new(checkpoint.Unet.Map(device), checkpoint.Unet.Config);
            TimeInTurn(
                "unet", repeat,
                ("repeated", () => unet.Forward(two, [501], text)),
                ("shared", () => unet.Forward(one, [501], text)),
                ("shared, timesteps announced", () => unet.Forward(one, [501], text, times: times)));
        }
    }

    private static void TimeInTurn(string name, int repeat, params (string Way, Action Run)[] ways)
    {
        double[][] seconds = [.. ways.Select(_ => new double[repeat])];
        for (int i = -1; i < repeat; i++)
        {
            for (int way = 0; way < ways.Length; way++)
            {
                using TensorScope scope = TensorScope.Enter();
                long start = Stopwatch.GetTimestamp();
                ways[way].Run();
                if (i >= 0)
                {
                    seconds[way][i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
                }
            }
        }

        double first = seconds[0].Order().ElementAt(repeat / 2);
        for (int way = 0; way < ways.Length; way++)
        {
            double median = seconds[way].Order().ElementAt(repeat / 2);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{name} {median:f3} s, {median / first:f3} of the first: {ways[way].Way}"));
        }
    }

    private static void Time(string name, int repeat, Action run)
    {
        double[] seconds = new double[repeat];
        for (int i = 0; i < repeat; i++)
        {
            using TensorScope scope = TensorScope.Enter();
            long start = Stopwatch.GetTimestamp();
            run();
            seconds[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"{name} {seconds.Order().ElementAt(repeat / 2):f3} s"));
    }

    private static Tensor Normal(Device device, Random random, Shape shape)
    {
        float[] values = new float[shape.Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (float)(
                Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        }

        return Tensor.From(device, shape, values);
    }

    private static int Number(string[] arguments, string name, int otherwise) =>
        Option(arguments, name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;

    private static string? Option(string[] arguments, string name)
    {
        int at = Array.IndexOf(arguments, name);
        return at >= 0 && at + 1 < arguments.Length ? arguments[at + 1] : null;
    }
}
