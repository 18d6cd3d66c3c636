using System;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Threading;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Bench;

/// <summary>
/// Times gradients beside what bounds them: attention beside the peak of fused multiply-adds, the others beside a copy
/// of as many bytes as they must move. An operation and its reference take turns, so that a busy neighbour hits both.
/// </summary>
internal static class BackwardTiming
{
    private const int Rounds = 9, BurstMs = 30;

    private static readonly Random s_random = new(20240607);

    /// <summary>Runs <c>backward [TEXT] [--threads N]</c>: the rows whose names contain TEXT.</summary>
    public static int Run(string[] arguments)
    {
        int at = Array.IndexOf(arguments, "--threads");
        int threads = at >= 0 ? int.Parse(arguments[at + 1], CultureInfo.InvariantCulture) : 2;
        string text = arguments.Length > 0 && at != 0 ? arguments[0] : "";
        using Device device = Devices.Cpu(threads);
        using TensorScope scope = TensorScope.Enter();
        foreach (AttentionCase call in AttentionCases.StableDiffusion15().Where(c => $"attention {c}".Contains(text)))
        {
            Attention(device, call, threads);
        }

        foreach (GroupNormCase call in GroupNormCases.StableDiffusion15())
        {
            // Bytes that must move: x and dy twice and dx, or once each where a row stays in the cache.
            Memory(device, text, $"norm, {call}", (call.IsLayerNorm ? 3 : 5) * call.X.Count, () => Norm(device, call));
        }

        Shape image = new(2, 64, 64, 320);
        foreach (Activation activation in (Activation[])[Activation.Silu, Activation.Gelu, Activation.QuickGelu])
        {
            Memory(device, text, $"{activation} {image}", 3 * image.Count, () =>
            {
                (Tensor x, Tensor dy, Tensor dx) = (Draw(device, image), Draw(device, image), Draw(device, image));
                return () => device.Backend.Pointwise.ActivateBackward(activation, x.View, dy.View, dx.View);
            });
        }

        foreach (Shape x in (Shape[])[new(8192, 2560), new(2048, 5120), new(512, 10240)])
        {
            Memory(device, text, $"GEGLU {x}", x.Count * 5 / 2, () =>
            {
                (Tensor t, Tensor dx) = (Draw(device, x), Draw(device, x));
                Tensor dy = Draw(device, new Shape(x[0], x[1] / 2));
                return () => device.Backend.Pointwise.GegluBackward(x[0], x[1] / 2, t.View, dy.View, dx.View);
            });
        }

        foreach ((Shape x, Shape y) in ((Shape, Shape)[])
            [(new(8192, 320), new(320)), (new(8192, 2560), new(2560)), (new(512, 1280), new(1280)),
                (new(2, 4096, 320), new(2, 1, 320))])
        {
            Memory(device, text, $"sum of {x} to {y}", x.Count, () =>
            {
                (Tensor from, Tensor to) = (Draw(device, x), Draw(device, y));
                SumToDims d = SumToDims.Infer("SumTo", x, y);
                return () => device.Backend.Reduce.SumTo(d, 1, from.View, to.View);
            });
        }

        Memory(device, text, "softmax [16384, 1024]", 3 * 16384 * 1024, () =>
        {
            Shape x = new(16384, 1024);
            (Tensor y, Tensor dy, Tensor dx) = (Draw(device, x), Draw(device, x), Draw(device, x));
            return () => device.Backend.Reduce.SoftmaxBackward(
                AxisDims.Infer("Softmax", x, -1), y.View, dy.View, dx.View);
        });
        Memory(device, text, "upsample [2, 32, 32, 640]", 5 * 2 * 32 * 32 * 640, () =>
        {
            UpsampleDims d = new(2, 32, 32, 640, 64, 64);
            Tensor dy = Draw(device, new Shape(2, 64, 64, 640)), dx = Draw(device, new Shape(2, 32, 32, 640));
            return () => device.Backend.Movement.UpsampleNearestBackward(d, dy.View, dx.View);
        });
        Memory(device, text, "squared error [2, 64, 64, 320]", 2 * image.Count, () =>
        {
            (Tensor x, Tensor t, Tensor y) = (Draw(device, image), Draw(device, image), Draw(device, new Shape(1)));
            return () => device.Backend.Reduce.SquaredError(1, x.View, t.View, y.View);
        });
        foreach (AdamWCase call in AdamWCases.StableDiffusion15())
        {
            Memory(device, text, $"AdamW, {call}", call.ElementsMoved, () =>
            {
                Tensor p = Draw(device, call.X), g = Draw(device, call.X);
                Tensor m = Tensor.Zeros(device, call.X), v = Tensor.Zeros(device, call.X);
                return () => Ops.AdamW(p, g, m, v, 100, call.Settings);
            });
        }

        return 0;
    }

    private static void Attention(Device device, AttentionCase c, int threads)
    {
        using TensorScope scope = TensorScope.Enter();
        Shape queries = new(c.Batch, c.Queries, c.Heads * c.HeadWidth), keys = new(c.Batch, c.Keys, queries[2]);
        Tensor q = Draw(device, queries), k = Draw(device, keys), v = Draw(device, keys), dy = Draw(device, queries);
        Tensor dq = Draw(device, queries), dk = Draw(device, keys), dv = Draw(device, keys);
        Tensor y = Draw(device, queries), sums = Draw(device, new Shape(c.Batch, c.Heads, 2, c.Queries));
        AttentionDims d = AttentionDims.Infer(queries, keys, keys, c.Heads, c.Scale, c.Causal);
        IAttentionKernels kernels = device.Backend.Attention;
        void Forward() => kernels.Forward(d, q.View, k.View, v.View, y.View, BufferView.None);
        void ForwardSums() => kernels.Forward(d, q.View, k.View, v.View, y.View, sums.View);
        void Backward() => kernels.Backward(
            d, q.View, k.View, v.View, y.View, sums.View, dy.View, dq.View, dk.View, dv.View);
        double[][] ms = Interleaved(
            () => MultiplyAdd(threads), Forward, ForwardSums, Backward,
            () => kernels.Backward(
                d, q.View, k.View, v.View, y.View, sums.View, dy.View, dq.View, BufferView.None, BufferView.None));
        double flops = 4.0 * c.Batch * c.Heads * c.Queries * c.Keys * c.HeadWidth / (c.Causal ? 2 : 1);
        double peak = 2.0 * 16 * Chains * Steps * threads / Median(ms[0]);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"attention {c.Queries} x {c.Keys}, {c.Batch} x {c.Heads} heads of {c.HeadWidth}" +
            $"{(c.Causal ? ", causal" : "")}: " +
            $"forward {Median(ms[1]):f2} ms ({flops / Median(ms[1]) / peak:p0} of peak), with sums " +
            $"{Median(ms[2]):f2}, backward {Median(ms[3]):f2} ({2.5 * flops / Median(ms[3]) / peak:p0}), " +
            $"dq alone {Median(ms[4]):f2} ({1.5 * flops / Median(ms[4]) / peak:p0}); peak {peak / 1e6:f0} GFLOP/s"));
    }

    private static Action Norm(Device device, GroupNormCase call)
    {
        Shape channels = new(call.X[-1]);
        Tensor x = Draw(device, call.X), dy = Draw(device, call.X), dx = Draw(device, call.X);
        Tensor gamma = Draw(device, channels), beta = Draw(device, channels);
        Tensor dGamma = Draw(device, channels), dBeta = Draw(device, channels);
        GroupNormDims d = call.IsLayerNorm
            ? GroupNormDims.InferRows(call.X, channels, channels, 1e-5f)
            : GroupNormDims.Infer(call.X, channels, channels, call.Groups, 1e-5f, call.Activation);
        return () => device.Backend.GroupNorm.Backward(
            d, x.View, gamma.View, beta.View, dy.View, dx.View, dGamma.View, dBeta.View);
    }

    /// <summary>One row: the operation beside a copy of as many elements, half in and half out.</summary>
    private static void Memory(Device device, string text, string name, long elements, Func<Action> prepare)
    {
        if (!name.Contains(text, StringComparison.Ordinal))
        {
            return;
        }

        using TensorScope scope = TensorScope.Enter();
        Action run = prepare();
        Shape half = new(checked((int)(elements / 2)));
        (Tensor from, Tensor to) = (Draw(device, half), Draw(device, half));
        CopyRowsDims copy = new(1, half[0], 0, 0, 0, 0);
        double[][] ms = Interleaved(() => device.Backend.Movement.CopyRows(copy, from.View, to.View), run);
        double bytes = elements * 4.0;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{name}: {Median(ms[1]):f3} ms, {bytes / Median(ms[1]) / 1e6:f0} GB/s; a copy {Median(ms[0]):f3} ms, " +
            $"{bytes / Median(ms[0]) / 1e6:f0} GB/s; ratio {Median(ms[0]) / Median(ms[1]):f2}"));
    }

    private static double[][] Interleaved(params Action[] actions)
    {
        double[][] ms = [.. actions.Select(_ => new double[Rounds])];
        foreach (Action action in actions)
        {
            action();
        }

        for (int round = 0; round < Rounds; round++)
        {
            for (int i = 0; i < actions.Length; i++)
            {
                long start = Stopwatch.GetTimestamp();
                int calls = 0;
                while (calls == 0 || Stopwatch.GetElapsedTime(start).TotalMilliseconds < BurstMs)
                {
                    actions[i]();
                    calls++;
                }

                ms[i][round] = Stopwatch.GetElapsedTime(start).TotalMilliseconds / calls;
            }
        }

        return ms;
    }

    private const int Chains = 12, Steps = 10_000_000;

    private static void MultiplyAdd(int threads)
    {
        Thread[] others = [.. Enumerable.Range(1, threads - 1).Select(_ => new Thread(static () => MultiplyAdd()))];
        foreach (Thread other in others)
        {
            other.Start();
        }

        MultiplyAdd();
        foreach (Thread other in others)
        {
            other.Join();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static float MultiplyAdd()
    {
        Vector512<float> a = Vector512.Create(0.5f), b = Vector512.Create(1f);
        Vector512<float> c0 = b, c1 = b, c2 = b, c3 = b, c4 = b, c5 = b;
        Vector512<float> c6 = b, c7 = b, c8 = b, c9 = b, c10 = b, c11 = b;
        for (int i = 0; i < Steps; i++)
        {
            c0 = Vector512.FusedMultiplyAdd(c0, a, b);
            c1 = Vector512.FusedMultiplyAdd(c1, a, b);
            c2 = Vector512.FusedMultiplyAdd(c2, a, b);
            c3 = Vector512.FusedMultiplyAdd(c3, a, b);
            c4 = Vector512.FusedMultiplyAdd(c4, a, b);
            c5 = Vector512.FusedMultiplyAdd(c5, a, b);
            c6 = Vector512.FusedMultiplyAdd(c6, a, b);
            c7 = Vector512.FusedMultiplyAdd(c7, a, b);
            c8 = Vector512.FusedMultiplyAdd(c8, a, b);
            c9 = Vector512.FusedMultiplyAdd(c9, a, b);
            c10 = Vector512.FusedMultiplyAdd(c10, a, b);
            c11 = Vector512.FusedMultiplyAdd(c11, a, b);
        }

        return Vector512.Sum(c0 + c1 + c2 + c3 + c4 + c5 + (c6 + c7 + c8 + c9 + c10 + c11));
    }

    private static double Median(double[] values) => values.Order().ElementAt(values.Length / 2);

    private static Tensor Draw(Device device, Shape shape)
    {
        float[] values = new float[shape.Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (s_random.NextSingle() * 4f) - 2f;
        }

        return Tensor.From(device, shape, values);
    }
}
