using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Runtime.Intrinsics;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Cpu;

namespace ControlNet.Native.Bench;

/// <summary>
/// Products and convolutions of Stable Diffusion 1.5 at 512 x 512 as a share of what the processor could do: medians of
/// interleaved rounds, beside a loop of nothing but fused multiply-adds in the same rounds.
/// </summary>
internal static class PeakTiming
{
    private const double SliceSeconds = 0.008;

    /// <summary>More than any last-level cache: weights that are used in turn come from memory.</summary>
    private const long ColdBytes = 160L << 20;

    private static readonly (int Rows, int In, int Out)[] s_products =
    [
        (4096, 320, 320), (4096, 320, 2560), (1024, 640, 640), (256, 1280, 1280), (64, 1280, 1280), (154, 768, 320),
        (4096, 2880, 320),
    ];

    /// <summary>Runs <c>peaks [--threads N] [--rounds N] [GROUP...]</c>; without groups, all of them.</summary>
    public static int Run(string[] arguments)
    {
        int threads = Number(arguments, "--threads", 2), rounds = Number(arguments, "--rounds", 7);
        string[] groups = [.. arguments.Where(static a => Groups.ContainsKey(a))];
        foreach ((string name, Action<PeakCases> add) in Groups)
        {
            if (groups.Length == 0 || groups.Contains(name))
            {
                using Device device = Devices.Cpu(threads);
                using WorkerTeam team = new(threads);
                using PeakCases cases = new(device);
                add(cases);
                Measure(name, team, cases.All, rounds);
            }
        }

        return 0;
    }

    private static Dictionary<string, Action<PeakCases>> Groups { get; } = new()
    {
        ["gemm"] = static c => Array.ForEach(s_products, s => c.Linear(s.Rows, s.In, s.Out)),
        ["cold"] = static c => Array.ForEach(s_products, s => c.Linear(s.Rows, s.In, s.Out, coldBytes: ColdBytes)),
        ["half"] = static c => Types(
            t => Array.ForEach(
                [(8192, 320, 320), (2048, 640, 640), (512, 1280, 1280), (154, 768, 320), (128, 1280, 1280)],
                ((int Rows, int In, int Out) s) => c.Linear(s.Rows, s.In, s.Out, t, ColdBytes))),
        ["strides"] = static c => Array.ForEach(
            [(2048, 640, 5120), (2048, 640, 5152), (128, 5120, 1280), (128, 5152, 1280), (512, 1280, 10240)],
            ((int Rows, int In, int Out) s) => c.Linear(s.Rows, s.In, s.Out)),
        ["small"] = static c => Types(
            t => Array.ForEach(
                [(2, 320, 1280), (2, 1280, 1280), (2, 1280, 320), (16, 1280, 1280), (154, 768, 1280)],
                ((int Rows, int In, int Out) s) => c.Linear(s.Rows, s.In, s.Out, t, ColdBytes))),
        ["conv"] = static c =>
        {
            for (int batch = 1; batch <= 2; batch++)
            {
                c.Conv(batch, 64, 320, 320, 3);
                c.Conv(batch, 32, 640, 640, 3);
                c.Conv(batch, 16, 1280, 1280, 3);
                c.Conv(batch, 8, 1280, 1280, 3);
                c.Conv(batch, 64, 320, 320, 3, stride: 2);
                c.Conv(batch, 32, 640, 640, 3, stride: 2);
                c.Conv(batch, 64, 320, 320, 1);
                c.Conv(batch, 64, 960, 320, 1);
                c.Conv(batch, 16, 1280, 1280, 1);
            }

            c.Conv(1, 64, 960, 320, 3);
            c.Conv(1, 256, 256, 256, 3);
        },
        ["convhalf"] = static c => Types(
            t =>
            {
                c.Conv(2, 64, 320, 320, 3, type: t);
                c.Conv(2, 16, 1280, 1280, 3, type: t);
                c.Conv(2, 8, 1280, 1280, 3, type: t);
            }),
        ["narrow"] = static c =>
        {
            c.Conv(2, 64, 4, 320, 3);
            c.Conv(2, 64, 320, 4, 3);
            c.Conv(1, 512, 128, 3, 3);
            c.Linear(4096, 320, 40);
            c.Linear(4096, 320, 77);
            c.Linear(4096, 320, 80);
            c.Linear(4096, 320, 96);
        },
    };

    private static void Types(Action<DType> add) => Array.ForEach([DType.F32, DType.F16, DType.BF16], add);

    private static void Measure(string group, WorkerTeam team, IReadOnlyList<PeakCase> cases, int rounds)
    {
        List<double> peaks = [];
        double[][] seconds = [.. cases.Select(_ => new double[rounds])];
        int[] repeats = [.. cases.Select(c => Math.Clamp((int)(SliceSeconds / Time(c.Run, 2)), 1, 4096))];
        MultiplyAdds fma = new() { Steps = 200_000 };
        for (int round = 0; round < rounds; round++)
        {
            for (int i = 0; i < cases.Count; i++)
            {
                team.For(team.Threads, ref fma);
                double one = Time(() => team.For(8 * team.Threads, ref fma), 1);
                peaks.Add(8.0 * team.Threads * fma.Steps * MultiplyAdds.OperationsPerStep / one);
                cases[i].Run();
                seconds[i][round] = Time(cases[i].Run, repeats[i]);
            }
        }

        double peak = Median([.. peaks]);
        Print($"{group}: {team.Threads} threads, fused multiply-adds alone {peak / 1e9:f0} GFLOP/s");
        for (int i = 0; i < cases.Count; i++)
        {
            double median = Median(seconds[i]), rate = cases[i].Operations / median;
            Print($"  {cases[i].Name,-36} {median * 1e3,9:f3} ms {rate / 1e9,7:f0} GFLOP/s {100 * rate / peak,6:f1} %");
        }
    }

    private static double Time(Action run, int repeats)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < repeats; i++)
        {
            run();
        }

        return Stopwatch.GetElapsedTime(start).TotalSeconds / repeats;
    }

    private static double Median(double[] values) => values.Order().ElementAt(values.Length / 2);

    private static void Print(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));

    private static int Number(string[] arguments, string name, int otherwise)
    {
        int at = Array.IndexOf(arguments, name);
        return at < 0 ? otherwise : int.Parse(arguments[at + 1], CultureInfo.InvariantCulture);
    }

    /// <summary>Twelve independent chains, more than two pipes of four cycles need.</summary>
    private struct MultiplyAdds : IParallelWork
    {
        public const int OperationsPerStep = 12 * 16 * 2;

        public int Steps;

        [System.Runtime.CompilerServices.MethodImpl(
            System.Runtime.CompilerServices.MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int item, int worker)
        {
            Vector512<float> x = Vector512.Create(0.999f), y = Vector512.Create(0.001f * (item + 1));
            Vector512<float> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
            for (int step = 0; step < Steps; step++)
            {
                a = Vector512.MultiplyAddEstimate(a, x, y);
                b = Vector512.MultiplyAddEstimate(b, x, y);
                c = Vector512.MultiplyAddEstimate(c, x, y);
                d = Vector512.MultiplyAddEstimate(d, x, y);
                e = Vector512.MultiplyAddEstimate(e, x, y);
                f = Vector512.MultiplyAddEstimate(f, x, y);
                g = Vector512.MultiplyAddEstimate(g, x, y);
                h = Vector512.MultiplyAddEstimate(h, x, y);
                i = Vector512.MultiplyAddEstimate(i, x, y);
                j = Vector512.MultiplyAddEstimate(j, x, y);
                k = Vector512.MultiplyAddEstimate(k, x, y);
                l = Vector512.MultiplyAddEstimate(l, x, y);
            }

            GC.KeepAlive(Vector512.Sum(a + b + c + d + e + f + g + h + i + j + k + l));
        }
    }
}
