using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Threading.Tasks;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Bench;

/// <summary>
/// Times the operations that memory bounds beside a copy of as many bytes, and attention beside the peak of fused
/// multiply-adds. An operation and its reference take turns in short bursts, so that a busy neighbour hits both;
/// results go into memory the device already holds, as they do in a network.
/// </summary>
internal static class MemoryTiming
{
    private const int Bursts = 7, CallsEach = 6, LargestBurstMs = 150;

    private static readonly Random s_random = new(20240607);

    /// <summary>Runs <c>memory [TEXT] [--threads N]</c>: the rows whose names contain TEXT.</summary>
    public static int Run(string[] arguments)
    {
        int at = Array.IndexOf(arguments, "--threads");
        int threads = at >= 0 ? int.Parse(arguments[at + 1], CultureInfo.InvariantCulture) : 2;
        string text = arguments.Length > 0 && at != 0 ? arguments[0] : "";
        using Device device = Devices.Cpu(threads);
        foreach (GroupNormCase call in GroupNorms())
        {
            Shape channels = new(call.X[-1]);
            Memory(device, text, $"{call.Name} {call.X}", 2 * call.X.Count, [call.X, channels, channels],
                t => call.Run(t[0], t[1], t[2]));
        }

        foreach (Shape x in (Shape[])[new(8192, 2560), new(2048, 5120), new(512, 10240)])
        {
            Memory(device, text, $"GEGLU {x}", x.Count * 3 / 2, [x], t => Ops.Geglu(t[0]));
        }

        foreach (Shape x in (Shape[])[new(16384, 1024), new(65536, 77)])
        {
            Memory(device, text, $"softmax {x}", 2 * x.Count, [x], t => Ops.Softmax(t[0], -1));
        }

        Shape image = new(2, 64, 64, 320);
        Memory(device, text, $"SiLU {image}", 2 * image.Count, [image], t => Ops.Activate(t[0], Activation.Silu));
        Memory(device, text, $"GELU {image}", 2 * image.Count, [image], t => Ops.Activate(t[0], Activation.Gelu));
        Memory(device, text, $"quick GELU {image}", 2 * image.Count, [image],
            t => Ops.Activate(t[0], Activation.QuickGelu));
        Memory(device, text, $"add {image}", 3 * image.Count, [image, image], t => Ops.Add(t[0], t[1]));
        Shape latents = new(1, 64, 64, 4);
        Memory(device, text, $"guidance {image}", 3 * image.Count, [image, image],
            t => Ops.LinearCombination((-6.5f, t[0]), (7.5f, t[1])));
        Memory(device, text, $"guidance {latents}", 3 * latents.Count, [latents, latents],
            t => Ops.LinearCombination((-6.5f, t[0]), (7.5f, t[1])));
        Shape half = new(2, 32, 32, 640);
        Memory(device, text, $"upsample {half}", 5 * half.Count, [half], t => Ops.UpsampleNearest(t[0], 64, 64));
        Shape decoded = new(1, 256, 256, 256);
        Memory(device, text, $"upsample {decoded}", 5 * decoded.Count, [decoded],
            t => Ops.UpsampleNearest(t[0], 512, 512));
        Memory(device, text, $"concat {image}", 4 * image.Count, [image, image], t => Ops.Concat(-1, t[0], t[1]));
        Memory(device, text, $"slice {image}", image.Count, [image], t => Ops.Slice(t[0], -1, 160, 160));
        foreach (AttentionCase call in AttentionCases.StableDiffusion15())
        {
            Attention(device, text, call, threads);
        }

        return 0;
    }

    private static IEnumerable<GroupNormCase> GroupNorms()
    {
        foreach (Shape x in (Shape[])
            [
                new(2, 64, 64, 320), new(2, 32, 32, 640), new(2, 16, 16, 1280), new(1, 512, 512, 128),
                new(1, 256, 256, 256),
            ])
        {
            yield return new("group norm, SiLU", x, 32, Activation.Silu);
        }

        foreach (Shape x in (Shape[])[new(8192, 320), new(2048, 640), new(512, 1280)])
        {
            yield return new("layer norm", x);
        }
    }

    private static void Memory(
        Device device, string text, string name, long elementsMoved, Shape[] shapes, Action<Tensor[]> run)
    {
        if (!name.Contains(text, StringComparison.OrdinalIgnoreCase))
        {
            return;
        }

        using TensorScope scope = TensorScope.Enter();
        Tensor[] inputs = [.. shapes.Select(shape => Draw(device, shape))];
        Tensor plain = Draw(device, new Shape((int)(elementsMoved / 2)));
        (double mine, double copy) = Medians(
            () => run(inputs), () => Ops.Slice(plain, 0, 0, plain.Shape[0]));
        double bytes = 4.0 * elementsMoved;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{name,-42} {mine * 1e3,8:f3} ms  {bytes / mine / 1e9,6:f1} GB/s, copy {bytes / copy / 1e9,6:f1}, " +
            $"{copy / mine,4:p0}"));
    }

    private static void Attention(Device device, string text, AttentionCase c, int threads)
    {
        string name = $"attention {c.Batch} x {c.Heads} heads of {c.HeadWidth}, {c.Queries} x {c.Keys}";
        if (!name.Contains(text, StringComparison.OrdinalIgnoreCase))
        {
            return;
        }

        using TensorScope scope = TensorScope.Enter();
        Tensor q = Draw(device, new Shape(c.Batch, c.Queries, c.Heads * c.HeadWidth));
        Tensor k = Draw(device, new Shape(c.Batch, c.Keys, c.Heads * c.HeadWidth));
        Tensor v = Draw(device, new Shape(c.Batch, c.Keys, c.Heads * c.HeadWidth));
        const int Steps = 200_000;
        (double mine, double reference) = Medians(
            () => Ops.Attention(q, k, v, c.Heads, c.Scale, c.Causal),
            () => Parallel.For(0, threads, _ => MultiplyAdd(Steps)));
        double operations = 4.0 * c.Batch * c.Heads * c.Queries * c.Keys * c.HeadWidth;
        double peak = threads * MultiplyAdd(Steps) / reference;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{name,-42} {mine * 1e3,8:f3} ms  {operations / mine / 1e9,6:f1} GFLOP/s, peak {peak / 1e9,6:f1}, " +
            $"{operations / mine / peak,4:p0}"));
    }

    /// <summary>Seconds of one call of each, medians over bursts in turn; the first call of a burst warms up.</summary>
    private static (double First, double Second) Medians(Action first, Action second)
    {
        List<double> firsts = [], seconds = [];
        for (int burst = 0; burst < Bursts; burst++)
        {
            Burst(first, firsts);
            Burst(second, seconds);
        }

        return (firsts.Order().ElementAt(firsts.Count / 2), seconds.Order().ElementAt(seconds.Count / 2));
    }

    private static void Burst(Action run, List<double> times)
    {
        long start = Stopwatch.GetTimestamp();
        for (int call = 0; call <= CallsEach; call++)
        {
            using TensorScope scope = TensorScope.Enter();
            long before = Stopwatch.GetTimestamp();
            run();
            double elapsed = Stopwatch.GetElapsedTime(before).TotalSeconds;
            bool late = Stopwatch.GetElapsedTime(start).TotalMilliseconds > LargestBurstMs;
            if (call > 0 || late)
            {
                times.Add(elapsed);
            }

            if (late)
            {
                return;
            }
        }
    }

    /// <summary>Sixteen chains of fused multiply-adds; the count of floating-point operations.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static double MultiplyAdd(int steps)
    {
        Vector512<float> x = Vector512.Create(0.999f), y = Vector512.Create(1e-3f);

        // Equal chains would be compiled into one.
        Vector512<float> a = x * 1, b = x * 2, c = x * 3, d = x * 4, e = x * 5, f = x * 6, g = x * 7, h = x * 8;
        Vector512<float> i = x * 9, j = x * 10, k = x * 11, l = x * 12, m = x * 13, n = x * 14, o = x * 15, p = x * 16;
        for (int step = 0; step < steps; step++)
        {
            (a, b) = (Vector512.FusedMultiplyAdd(a, x, y), Vector512.FusedMultiplyAdd(b, x, y));
            (c, d) = (Vector512.FusedMultiplyAdd(c, x, y), Vector512.FusedMultiplyAdd(d, x, y));
            (e, f) = (Vector512.FusedMultiplyAdd(e, x, y), Vector512.FusedMultiplyAdd(f, x, y));
            (g, h) = (Vector512.FusedMultiplyAdd(g, x, y), Vector512.FusedMultiplyAdd(h, x, y));
            (i, j) = (Vector512.FusedMultiplyAdd(i, x, y), Vector512.FusedMultiplyAdd(j, x, y));
            (k, l) = (Vector512.FusedMultiplyAdd(k, x, y), Vector512.FusedMultiplyAdd(l, x, y));
            (m, n) = (Vector512.FusedMultiplyAdd(m, x, y), Vector512.FusedMultiplyAdd(n, x, y));
            (o, p) = (Vector512.FusedMultiplyAdd(o, x, y), Vector512.FusedMultiplyAdd(p, x, y));
        }

        Vector512<float> all = a + b + c + d + e + f + g + h + i + j + k + l + m + n + o + p;
        return steps * 16.0 * 16 * 2 + (all.ToScalar() > 1e30f ? 1 : 0);
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
}
