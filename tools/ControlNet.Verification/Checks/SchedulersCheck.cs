using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using System.Text.Json;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;

namespace ControlNet.Verification.Checks;

/// <summary>
/// Every sampler against diffusers: timesteps, noise levels and whole trajectories of a linear model that stands in for
/// the UNet, <c>model(x, t) = a * scaled(x) + b * t / 1000</c>.
/// </summary>
public sealed class SchedulersCheck : GoldenCheck
{
    private const string TensorFile = "outputs/schedulers.safetensors";
    private const string ConfigFile = "outputs/schedulers.json";
    private const double SigmaLimit = 1e-5;
    private const double TrajectoryLimit = 2e-5;

    /// <summary>The timestep the velocities of the file are of.</summary>
    private const int VelocityTimestep = 321;

    /// <inheritdoc/>
    public override IEnumerable<string> Files(GoldenContext context) => [TensorFile, ConfigFile];

    /// <inheritdoc/>
    public override IEnumerable<GoldenResult> Run(GoldenContext context, string file)
    {
        ArgumentNullException.ThrowIfNull(context);
        GoldenTensors golden = context.Tensors(TensorFile);
        foreach (JsonProperty entry in context.Json(ConfigFile).EnumerateObject())
        {
            if (file == ConfigFile)
            {
                yield return Guard(entry.Name, () => Plan(entry.Value));
                continue;
            }

            foreach (string tensor in golden.Names.Where(
                name => name.StartsWith($"{entry.Name}/", StringComparison.Ordinal)
                    && !name.EndsWith("/noise.step", StringComparison.Ordinal)))
            {
                yield return Guard(tensor, () => Compare(context.Device, golden, tensor, entry.Value));
            }
        }
    }

    private static GoldenResult Guard(string name, Func<(double Error, double Limit)> compare)
    {
        try
        {
            (double error, double limit) = compare();
            return new GoldenResult(name, error, limit);
        }
        catch (EngineException e)
        {
            return new GoldenResult(name, double.NaN, 0, e.Message);
        }
    }

    /// <summary>
    /// What the JSON file says of each run: calls, draws, calls of a step and the scale of the initial noise.
    /// </summary>
    private static (double Error, double Limit) Plan(JsonElement entry)
    {
        double worst = 0;
        foreach (JsonProperty run in entry.GetProperty("runs").EnumerateObject())
        {
            Sampler sampler = Create(entry, int.Parse(run.Name, CultureInfo.InvariantCulture));
            int draws = Enumerable.Range(0, sampler.CallCount).Count(sampler.DrawsNoise);
            bool equal = sampler.CallCount == run.Value.GetProperty("steps").GetInt32()
                && draws == run.Value.GetProperty("draws").GetInt32()
                && sampler.CallsPerStep == run.Value.GetProperty("order").GetInt32();
            double scale = run.Value.GetProperty("init_noise_sigma").GetDouble();
            worst = equal
                ? Math.Max(worst, Math.Abs(sampler.InitialNoiseScale - scale) / scale)
                : double.PositiveInfinity;
        }

        return (worst, SigmaLimit);
    }

    private static (double Error, double Limit) Compare(
        Device device, GoldenTensors golden, string name, JsonElement entry)
    {
        string[] parts = name.Split('/');
        double[] expected = golden[name].Reals();
        using TensorScope scope = TensorScope.Enter();
        if (parts.Length == 2)
        {
            return (Distance(Noised(device, golden, parts[1], entry), expected), TrajectoryLimit);
        }

        Sampler sampler = Create(entry, int.Parse(parts[1], CultureInfo.InvariantCulture));
        switch (parts[2])
        {
            case "timesteps":
                bool whole = expected.All(double.IsInteger);
                return (Distance(sampler.Timesteps, expected), whole ? 0 : SigmaLimit);
            case "sigmas":
                return (Distance(sampler.Sigmas, expected), SigmaLimit);
            default:
                string run = $"{parts[0]}/{parts[1]}";
                return (Distance(Trajectory(device, golden, run, sampler, entry), expected), TrajectoryLimit);
        }
    }

    /// <summary>add_noise or velocity, both of 20 steps.</summary>
    private static double[] Noised(Device device, GoldenTensors golden, string part, JsonElement entry)
    {
        Sampler sampler = Create(entry, 20);
        Tensor x0 = Load(device, golden["in.x0"], 0);
        Tensor noise = Load(device, golden["in.eps"], 0);
        if (part == "velocity")
        {
            return Reals(sampler.Schedule.Velocity(x0, noise, VelocityTimestep));
        }

        JsonElement start = entry.GetProperty("add_noise").GetProperty(part["add_noise.".Length..]);
        return Reals(sampler.AddNoise(x0, noise, start.GetProperty("index").GetInt32()));
    }

    private static double[] Trajectory(
        Device device, GoldenTensors golden, string run, Sampler sampler, JsonElement entry)
    {
        double a = golden.Params.GetProperty("a").GetDouble();
        double b = golden.Params.GetProperty("b").GetDouble();
        string steps = sampler.Steps.ToString(CultureInfo.InvariantCulture);
        HashSet<int> kept = [.. entry.GetProperty("runs").GetProperty(steps).GetProperty("trajectory_index")
            .EnumerateArray().Select(index => index.GetInt32())];
        Tensor x = Ops.Scale(Load(device, golden["in.latents"], 0), (float)sampler.InitialNoiseScale);
        List<double> trajectory = [.. Reals(x)];
        int drawn = 0;
        using SamplerRun state = sampler.Start();
        for (int call = 0; call < sampler.CallCount; call++)
        {
            double bias = b * sampler.Timesteps[call] / 1000;
            float[] scaled = sampler.ScaleInput(x, call).ToArray();
            Tensor output = Tensor.From(device, x.Shape, Array.ConvertAll(scaled, v => (float)((a * v) + bias)));
            x = state.Step(output, call, x, () => Load(device, golden[$"{run}/noise.step"], drawn++));
            if (kept.Contains(call + 1))
            {
                trajectory.AddRange(Reals(x));
            }
        }

        return [.. trajectory];
    }

    private static Sampler Create(JsonElement entry, int steps)
    {
        byte[] json = Encoding.UTF8.GetBytes(entry.GetProperty("config").GetRawText());
        double eta = entry.GetProperty("step_kwargs").TryGetProperty("eta", out JsonElement value)
            ? value.GetDouble()
            : 0;
        return Sampler.Create(SchedulerConfig.FromJson(json) with { Eta = eta }, steps);
    }

    /// <summary>
    /// One member of a list of small tensors, or the whole of a single one; the shape does not matter to a sampler.
    /// </summary>
    private static Tensor Load(Device device, GoldenTensor tensor, int index)
    {
        Shape shape = new(tensor.Shape.AsSpan(tensor.Shape.Length - 4));
        int count = (int)shape.Count;
        return Tensor.From(device, shape, tensor.Floats().AsSpan(index * count, count));
    }

    private static double[] Reals(Tensor tensor) => Array.ConvertAll(tensor.ToArray(), v => (double)v);

    /// <summary>Largest difference relative to the largest expected value; infinite when the counts differ.</summary>
    private static double Distance(IReadOnlyList<double> actual, double[] expected)
    {
        if (actual.Count != expected.Length)
        {
            return double.PositiveInfinity;
        }

        double worst = 0, scale = 1e-30;
        for (int i = 0; i < expected.Length; i++)
        {
            scale = Math.Max(scale, Math.Abs(expected[i]));
            double off = Math.Abs(actual[i] - expected[i]);
            worst = off <= worst ? worst : off;
        }

        return worst / scale;
    }
}
