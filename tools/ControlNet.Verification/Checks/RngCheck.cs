using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text.Json;
using ControlNet.Native.Sampling;

namespace ControlNet.Verification.Checks;

/// <summary>torch's CPU generator and its CUDA Philox stream: integers exact, normal numbers within rounding.</summary>
public sealed class RngCheck : GoldenCheck
{
    // Absolute. torch's AVX2 logarithm and sine differ from exact mathematics by up to 1e-6.
    private const double VectorisedNormal = 4e-6;

    // Absolute, of values below 6: the C libraries' last bits.
    private const double DoubleNormal = 2e-15;

    // Absolute, against float64 and float32 evaluations of the same formula.
    private const double PhiloxNormal = 2e-6;

    private const string TorchCpu = "rng/torch_cpu";
    private const string PhiloxCuda = "rng/philox_cuda";

    /// <inheritdoc/>
    public override IEnumerable<string> Files(GoldenContext context) =>
        [$"{TorchCpu}.safetensors", $"{TorchCpu}.json", $"{PhiloxCuda}.safetensors", $"{PhiloxCuda}.json"];

    /// <inheritdoc/>
    public override IEnumerable<GoldenResult> Run(GoldenContext context, string file) => file switch
    {
        $"{TorchCpu}.safetensors" => CompareTorchCpu(context),
        $"{TorchCpu}.json" => CompareSums(context.Json(file)),
        $"{PhiloxCuda}.safetensors" => ComparePhilox(context),
        $"{PhiloxCuda}.json" => CompareKnownAnswers(context.Json(file)),
        _ => throw new ArgumentException($"RngCheck does not answer for '{file}'", nameof(file)),
    };

    private static IEnumerable<GoldenResult> CompareTorchCpu(GoldenContext context)
    {
        GoldenTensors golden = context.Tensors($"{TorchCpu}.safetensors");
        TorchCpuNoise? sequence = null;
        foreach (JsonElement entry in context.Json($"{TorchCpu}.json").GetProperty("cases").EnumerateArray())
        {
            string name = entry.GetProperty("tensor").GetString()!;
            ulong seed = entry.GetProperty("seed").GetUInt64();
            string[] words = name.Split('.');

            // seq.* and train.* are successive calls on one generator; everything else begins with its seed.
            bool continues = words[0] == "seq" ? words[1] != "0" : name == "train.t";
            TorchCpuNoise noise = continues && sequence is not null ? sequence : new TorchCpuNoise(seed);
            sequence = noise;
            if (name == "latent512.head/.tail")
            {
                float[] latents = Normals(noise, 4 * 64 * 64);
                foreach ((string part, float[] actual) in new[] { ("head", latents[..64]), ("tail", latents[^64..]) })
                {
                    yield return Largest(
                        $"latent512.{part}", golden[$"latent512.{part}"].Reals(), actual, VectorisedNormal);
                }

                continue;
            }

            GoldenTensor expected = golden[name];
            int count = expected.Shape.Aggregate(1, (product, extent) => product * extent);
            string call = words[0] is "seq" ? words[2] : words[0];
            yield return call switch
            {
                "mt" => Exact(name, Words(expected), TwisterWords(seed)),
                "randn" or "train" when expected.DType == "F32" && count < 16 =>
                    Ulps(name, expected.Floats(), Normals(noise, count)),
                "randn" or "train" when expected.DType == "F32" =>
                    Largest(name, expected.Reals(), Normals(noise, count), VectorisedNormal),
                "randn64" => Largest(name, expected.Doubles(), Doubles(noise.FillNormal, count), DoubleNormal),
                "rand" => Exact(name, expected.Floats(), Floats(noise.FillUniform, count)),
                "rand64" => Exact(name, expected.Doubles(), Doubles(noise.FillUniform, count)),
                "randint" => Exact(name, expected.Longs(), Integers(noise, words[^2], count)),
                "randperm" => Exact(name, expected.Longs(), Permutation(noise, count)),
                "train" => Exact(name, expected.Longs(), Integers(noise, "0_1000", count)),
                "normal_" => Largest(
                    name, expected.Reals(), [.. Normals(noise, count).Select(x => 2f + 0.5f * x)], VectorisedNormal),
                "uniform_" => Exact(
                    name,
                    expected.Floats(),
                    [.. Floats(noise.FillUniform, count).Select(x => (float)(x * 0.5 - 0.25))]),
                _ => new GoldenResult(name, 1, 0, "the check does not know this case"),
            };
        }
    }

    private static IEnumerable<GoldenResult> CompareSums(JsonElement golden)
    {
        foreach (JsonElement entry in golden.GetProperty("cases").EnumerateArray())
        {
            if (!entry.TryGetProperty("sum_float64", out JsonElement sum))
            {
                continue;
            }

            double[] latents = [.. Normals(new TorchCpuNoise(entry.GetProperty("seed").GetUInt64()), 4 * 64 * 64)];
            double squares = entry.GetProperty("sum_sq_float64").GetDouble();

            // Per element: the largest error allowed, and for squares twice the mean magnitude of 0.8 as well.
            yield return new GoldenResult(
                "latent512 mean", Math.Abs(latents.Sum() - sum.GetDouble()) / latents.Length, VectorisedNormal);
            yield return new GoldenResult(
                "latent512 mean square",
                Math.Abs(latents.Sum(x => x * x) - squares) / latents.Length, 2 * 0.8 * VectorisedNormal);
        }
    }

    private static IEnumerable<GoldenResult> ComparePhilox(GoldenContext context)
    {
        GoldenTensors golden = context.Tensors($"{PhiloxCuda}.safetensors");
        Dictionary<ulong, PhiloxCudaNoise> generators = [];
        foreach (JsonElement entry in context.Json($"{PhiloxCuda}.json").GetProperty("cases").EnumerateArray())
        {
            string name = entry.GetProperty("tensor").GetString()!;
            string stem = name.TrimEnd('*', '.');
            if (name == "block.*")
            {
                yield return CompareBlocks(golden);
                continue;
            }

            ulong seed = entry.GetProperty("seed").GetUInt64();
            if (name.StartsWith("u32x4.", StringComparison.Ordinal))
            {
                uint[] expected = Words(golden[name]);
                ulong offset = entry.GetProperty("offset").GetUInt64();
                yield return Exact(name, expected, [.. Enumerable.Range(0, expected.Length / 4)
                    .SelectMany(row => Flat(Philox4x32.Words(seed, offset, (ulong)row)))]);
                continue;
            }

            bool wraps = name == "wrap.*";
            if (!generators.TryGetValue(seed, out PhiloxCudaNoise? noise) || wraps)
            {
                generators[seed] = noise = wraps
                    ? new PhiloxCudaNoise(seed, 1, entry.GetProperty("max_threads").GetInt32())
                    : new PhiloxCudaNoise(seed);
            }

            ulong before = noise.Offset;
            float[] normals = Normals(noise, entry.GetProperty("n").GetInt32());
            if (entry.TryGetProperty("offset_before", out JsonElement offsetBefore))
            {
                yield return Exact<ulong>($"{stem}.offset_before", [offsetBefore.GetUInt64()], [before]);
            }

            yield return Exact<ulong>(
                $"{stem}.offset_after", [entry.GetProperty("offset_after").GetUInt64()], [noise.Offset]);
            if (wraps)
            {
                normals = [.. golden["wrap.index"].Longs().Select(index => normals[index])];
            }

            yield return Largest($"{stem}.f64", golden[$"{stem}.f64"].Doubles(), normals, PhiloxNormal);
            yield return Largest($"{stem}.f32", golden[$"{stem}.f32"].Reals(), normals, PhiloxNormal);
        }
    }

    private static GoldenResult CompareBlocks(GoldenTensors golden)
    {
        uint[] counters = Words(golden["block.ctr"]), keys = Words(golden["block.key"]);
        return Exact("block", Words(golden["block.out"]), [.. Enumerable.Range(0, keys.Length / 2).SelectMany(i => Flat(
            Philox4x32.Words(
                Join(keys[2 * i], keys[2 * i + 1]),
                Join(counters[4 * i], counters[4 * i + 1]),
                Join(counters[4 * i + 2], counters[4 * i + 3]))))]);
    }

    private static IEnumerable<GoldenResult> CompareKnownAnswers(JsonElement golden)
    {
        int number = 0;
        foreach (JsonElement answer in golden.GetProperty("kat_random123").EnumerateArray())
        {
            uint[] counter = HexWords(answer, "ctr"), key = HexWords(answer, "key");
            yield return Exact($"kat_random123/{number++}", HexWords(answer, "out"), [.. Flat(Philox4x32.Words(
                Join(key[0], key[1]), Join(counter[0], counter[1]), Join(counter[2], counter[3])))]);
        }
    }

    private delegate void Fill<T>(Span<T> destination);

    private static float[] Floats(Fill<float> fill, int count)
    {
        float[] values = new float[count];
        fill(values);
        return values;
    }

    private static double[] Doubles(Fill<double> fill, int count)
    {
        double[] values = new double[count];
        fill(values);
        return values;
    }

    private static float[] Normals(INoiseSource noise, int count) => Floats(noise.FillNormal, count);

    /// <param name="noise">Drawn from.</param>
    /// <param name="range">
    /// As in the tensor's name, <c>low_high</c>; the sequence leaves it out and means 0_1000.
    /// </param>
    /// <param name="count">How many.</param>
    private static long[] Integers(TorchCpuNoise noise, string range, int count)
    {
        string[] bounds = (range.Contains('_', StringComparison.Ordinal) ? range : "0_1000").Split('_');
        long[] values = new long[count];
        noise.FillIntegers(
            values,
            long.Parse(bounds[0], CultureInfo.InvariantCulture),
            long.Parse(bounds[1], CultureInfo.InvariantCulture));
        return values;
    }

    private static long[] Permutation(TorchCpuNoise noise, int count) =>
        [.. noise.Permutation(count).Select(value => (long)value)];

    /// <summary>Outputs 0..7, 620..631 and 1244..1251: the first and those across two twists.</summary>
    private static uint[] TwisterWords(ulong seed)
    {
        Mt19937 twister = new(unchecked((uint)seed));
        uint[] all = [.. Enumerable.Range(0, 1252).Select(_ => twister.NextUInt32())];
        return [.. all[..8], .. all[620..632], .. all[1244..]];
    }

    private static uint[] Words(GoldenTensor tensor) => MemoryMarshal.Cast<byte, uint>(tensor.Bytes.Span).ToArray();

    private static uint[] HexWords(JsonElement parent, string name) =>
        [.. parent.GetProperty(name).EnumerateArray().Select(word => Convert.ToUInt32(word.GetString(), 16))];

    private static ulong Join(uint low, uint high) => low | ((ulong)high << 32);

    private static uint[] Flat(PhiloxWords words) => [words.X, words.Y, words.Z, words.W];

    private static GoldenResult Exact<T>(string name, T[] expected, T[] actual) where T : IEquatable<T>
    {
        int same = expected.AsSpan().CommonPrefixLength(actual);
        return GoldenResult.Exact(
            name,
            same == expected.Length && same == actual.Length,
            $"element {same} differs, or the lengths {expected.Length} and {actual.Length} do");
    }

    private static GoldenResult Largest(string name, double[] expected, float[] actual, double limit) =>
        Largest(name, expected, [.. actual.Select(value => (double)value)], limit);

    private static GoldenResult Largest(string name, double[] expected, double[] actual, double limit) =>
        Worst(name, expected, actual, limit, _ => 1);

    /// <summary>The largest difference in units of the expected value's last place; one is allowed.</summary>
    private static GoldenResult Ulps(string name, float[] expected, float[] actual) => Worst(
        name,
        [.. expected.Select(value => (double)value)],
        [.. actual.Select(value => (double)value)],
        limit: 1,
        value => MathF.BitIncrement((float)Math.Abs(value)) - Math.Abs(value));

    private static GoldenResult Worst(
        string name, double[] expected, double[] actual, double limit, Func<double, double> unit)
    {
        if (expected.Length != actual.Length)
        {
            return new GoldenResult(name, 1, limit, $"expected {expected.Length} numbers, got {actual.Length}");
        }

        double worst = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            double error = Math.Abs(actual[i] - expected[i]) / unit(expected[i]);

            // A NaN is worse than anything; LINQ's Max would pass over it.
            worst = double.IsNaN(error) ? double.PositiveInfinity : Math.Max(worst, error);
        }

        return new GoldenResult(name, worst, limit);
    }
}
