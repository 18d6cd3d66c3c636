using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Bench;

/// <summary>
/// Times the gradients of convolutions and linear layers at the shapes of training and prints one line for each, in the
/// words of <c>bench/peers/gradients_torch.py</c>: <c>bench/peers/compare-gradients</c> runs both in turn.
/// </summary>
internal static class GradientTiming
{
    private static readonly Random s_random = new(1);

    /// <summary>Runs <c>gradients [--only TEXT] [--rounds N] [--threads N]</c>.</summary>
    public static int Run(string[] arguments)
    {
        string only = Option(arguments, "--only") ?? "";
        int rounds = int.Parse(Option(arguments, "--rounds") ?? "9", CultureInfo.InvariantCulture);
        int threads = int.Parse(Option(arguments, "--threads") ?? "2", CultureInfo.InvariantCulture);
        using Device device = Devices.Cpu(threads);
        foreach (Conv2dCase c in Conv2dCases.Training())
        {
            string name = $"conv {c.In}@{c.Height}->{c.Out} k{c.Kernel} s{c.Stride}";
            if (name.Contains(only, StringComparison.Ordinal))
            {
                using TensorScope scope = TensorScope.Enter();
                Convolution(device, c, name, rounds);
            }
        }

        foreach (LinearCase c in MatMulCases.Training())
        {
            string name = $"linear {c.Rows}x{c.In}->{c.Out}";
            if (name.Contains(only, StringComparison.Ordinal))
            {
                using TensorScope scope = TensorScope.Enter();
                Linear(device, c, name, rounds);
            }
        }

        return 0;
    }

    private static void Convolution(Device device, Conv2dCase c, string name, int rounds)
    {
        IConv2dKernels kernels = device.Backend.Conv2d;
        Shape weightShape = new(c.Out, c.In, c.Kernel, c.Kernel);
        Conv2dDims d = new(
            c.Batch, c.Height, c.Width, c.In, c.Out, c.Kernel, c.Stride, c.Padding, Activation.None);
        Tensor x = Draw(device, new Shape(c.Batch, c.Height, c.Width, c.In)), w = Draw(device, weightShape);
        Tensor dy = Draw(device, new Shape(c.Batch, c.OutHeight, c.OutWidth, c.Out));
        Tensor dx = Tensor.Zeros(device, x.Shape), dWeight = Tensor.Zeros(device, weightShape);
        using PackedWeight forward = new(
            device.Backend, weightShape, DType.F32, kernels.PackedCount(c.Out, c.In, c.Kernel));
        using PackedWeight backward = new(
            device.Backend, weightShape, DType.F32, kernels.PackedGradientCount(c.Out, c.In, c.Kernel, c.Stride));
        Time(name, rounds, 2.0 * dy.Shape.Count * c.In * c.Kernel * c.Kernel, new()
        {
            ["pack"] = () => kernels.Pack(c.Out, c.In, c.Kernel, w.View, forward.View),
            ["pack-gradient"] = () => kernels.PackGradient(
                c.Out, c.In, c.Kernel, c.Stride, w.View, backward.View),
            ["dx"] = () => kernels.DataGradient(d, dy.View, backward.View, BufferView.None, dx.View),
            ["dWeight"] = () => kernels.WeightGradient(d, x.View, dy.View, false, dWeight.View),
            ["dWeight+"] = () => kernels.WeightGradient(d, x.View, dy.View, true, dWeight.View),
        });
    }

    private static void Linear(Device device, LinearCase c, string name, int rounds)
    {
        IMatMulKernels kernels = device.Backend.MatMul;
        LinearDims d = new(c.Rows, c.In, c.Out, Activation.None);
        Tensor x = Draw(device, new Shape(c.Rows, c.In)), w = Draw(device, new Shape(c.Out, c.In));
        Tensor dy = Draw(device, new Shape(c.Rows, c.Out));
        Tensor dx = Tensor.Zeros(device, x.Shape), dWeight = Tensor.Zeros(device, w.Shape);
        using PackedWeight forward = new(device.Backend, w.Shape, DType.F32, kernels.PackedCount(c.Out, c.In));
        using PackedWeight backward = new(
            device.Backend, w.Shape, DType.F32, kernels.PackedGradientCount(c.Out, c.In));
        AxisDims columns = new(1, c.Rows, c.Out);
        Tensor dBias = Tensor.Zeros(device, new Shape(c.Out));
        Time(name, rounds, 2.0 * c.Rows * c.In * c.Out, new()
        {
            ["pack"] = () => kernels.Pack(c.Out, c.In, w.View, forward.View),
            ["pack-gradient"] = () => kernels.PackGradient(c.Out, c.In, w.View, backward.View),
            ["dx"] = () => kernels.LinearDataGradient(d, dy.View, backward.View, BufferView.None, dx.View),
            ["dWeight"] = () => kernels.LinearWeightGradient(d, x.View, dy.View, false, dWeight.View),
            ["dBias"] = () => device.Backend.Reduce.Sum(columns, 1, dy.View, dBias.View),
        });
    }

    /// <summary>The calls in turn, round after round, so that each meets the caches the others leave.</summary>
    private static void Time(string name, int rounds, double operations, Dictionary<string, Action> calls)
    {
        Dictionary<string, List<double>> milliseconds = [];
        for (int round = -2; round < rounds; round++)
        {
            foreach ((string call, Action run) in calls)
            {
                long start = Stopwatch.GetTimestamp();
                run();
                double elapsed = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
                if (round >= 0)
                {
                    milliseconds.TryAdd(call, []);
                    milliseconds[call].Add(elapsed);
                }
            }
        }

        foreach ((string call, List<double> times) in milliseconds)
        {
            times.Sort();
            double median = times[times.Count / 2];
            string rate = call.StartsWith("pack", StringComparison.Ordinal) || call == "dBias"
                ? "" : string.Create(CultureInfo.InvariantCulture, $" {operations / median / 1e6:f0} GFLOP/s");
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{name} {call}: {median:f3} ms, best {times[0]:f3}{rate}"));
        }
    }

    private static Tensor Draw(Device device, Shape shape)
    {
        float[] values = new float[shape.Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (s_random.NextSingle() * 4f) - 2f;
        }

        return Tensor.From(device, shape, values);
    }

    private static string? Option(string[] arguments, string name)
    {
        int at = Array.IndexOf(arguments, name);
        return at < 0 ? null : arguments[at + 1];
    }
}
