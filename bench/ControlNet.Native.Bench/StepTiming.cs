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
    /// Runs <c>step MODEL [--control FILE] [--size N] [--batch N] [--repeat N] [--threads N] [--part P]</c>.
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
