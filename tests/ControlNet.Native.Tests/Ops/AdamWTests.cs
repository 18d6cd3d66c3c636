using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using ControlNet.Verification;
using Xunit;

namespace ControlNet.Native.Tests.OpTests;

public sealed class AdamWTests
{
    public static TheoryData<AdamWCase> EdgeCases => [.. AdamWCases.Edges()];

    [Theory]
    [MemberData(nameof(EdgeCases))]
    public void Agrees_with_the_definition(AdamWCase call)
    {
        float[] parameter = Draw.Uniform(call.X.Count);
        ReferenceAdamW expected = new(parameter, call.Settings);
        for (int step = 1; step <= 5; step++)
        {
            expected.Step(Draw.Uniform(call.X.Count, seed: step));
        }

        float[][] actual = Run(call, parameter, steps: 5, threads: 3);
        Close.To(expected.Parameter, actual[0], bound: 3e-7);
        Close.To(expected.Mean, actual[1], bound: 5e-7);
        Close.To(expected.Square, actual[2], bound: 5e-7);
        foreach (int threads in (int[])[1, 2, 8])
        {
            Assert.Equal(actual, Run(call, parameter, steps: 5, threads));
        }
    }

    [Theory]
    [InlineData("sd_defaults")]
    [InlineData("big_lr_no_wd")]
    [InlineData("betas")]
    [InlineData("lr_schedule")]
    public void Golden_steps_are_within_their_limits(string name)
    {
        (GoldenTensors golden, JsonElement entry) = Golden("adamw", name);
        JsonElement parameters = entry.GetProperty("params");
        using Device device = TestDevice.Open(threads: 2);
        using TensorScope scope = TensorScope.Enter();
        string[] inputs = [.. golden.Names.Where(n => n.StartsWith($"{name}/in.p", StringComparison.Ordinal))];
        Assert.NotEmpty(inputs);
        foreach (string input in inputs)
        {
            string index = input[$"{name}/in.p".Length..];
            Shape shape = new(golden[input].Shape);
            Tensor p = Tensor.From(device, shape, golden[input].Floats());
            Tensor m = Tensor.Zeros(device, shape), v = Tensor.Zeros(device, shape);
            for (int step = 1; step <= parameters.GetProperty("steps").GetInt32(); step++)
            {
                Tensor g = Tensor.From(device, shape, golden[$"{name}/in.g{index}.step{step}"].Floats());
                Ops.AdamW(p, g, m, v, step, SettingsOf(parameters, step));
                foreach ((string role, Tensor tensor) in ((string, Tensor)[])[("p", p), ("m", m), ("v", v)])
                {
                    string expected = $"{name}/out64.{role}{index}.step{step}";
                    if (golden.Has(expected))
                    {
                        GoldenLimits.Check(expected, golden[expected].Reals(), tensor.ToArray(), 3e-6);
                    }
                }
            }
        }
    }

    /// <summary>The norm of the norms, and gradients scaled down to the largest norm allowed.</summary>
    [Theory]
    [InlineData("active")]
    [InlineData("inactive")]
    [InlineData("zero")]
    [InlineData("huge")]
    public void Golden_norms_and_clipped_gradients_are_within_their_limits(string name)
    {
        (GoldenTensors golden, JsonElement entry) = Golden("clip_grad_norm", name);
        using Device device = TestDevice.Open(threads: 2);
        using TensorScope scope = TensorScope.Enter();
        List<Tensor> gradients = [];
        while (golden.Has($"{name}/in.g{gradients.Count}"))
        {
            GoldenTensor g = golden[$"{name}/in.g{gradients.Count}"];
            gradients.Add(Tensor.From(device, new Shape(g.Shape), g.Floats()));
        }

        float[] norms = [.. gradients.Select(g => Ops.Norm(g).ToArray()[0])];
        float total = Ops.Norm(Tensor.From(device, new Shape(norms.Length), norms)).ToArray()[0];
        GoldenLimits.Check("total norm", golden[$"{name}/out64.total_norm"].Reals(), [total], 1e-6);
        double limit = entry.GetProperty("params").GetProperty("max_norm").GetDouble();
        float factor = (float)Math.Min(1, limit / (total + 1e-6));
        for (int i = 0; i < gradients.Count; i++)
        {
            GoldenLimits.Check(
                $"gradient {i}", golden[$"{name}/out64.g{i}"].Reals(), Ops.Scale(gradients[i], factor).ToArray(), 1e-6);
        }
    }

    [Theory]
    [InlineData("constant")]
    [InlineData("ldm_litema")]
    [InlineData("diffusers")]
    public void Golden_averages_are_within_their_limits(string name)
    {
        (GoldenTensors golden, JsonElement entry) = Golden("ema", name);
        using Device device = TestDevice.Open(threads: 2);
        using TensorScope scope = TensorScope.Enter();
        GoldenTensor start = golden[$"{name}/in.p0"];
        Tensor average = Tensor.From(device, new Shape(start.Shape), start.Floats());
        int step = 0, compared = 0;
        foreach (JsonElement decay in entry.GetProperty("params").GetProperty("decay_per_step").EnumerateArray())
        {
            step++;
            Tensor x = Tensor.From(device, average.Shape, golden[$"{name}/in.p.step{step}"].Floats());
            Ops.MovingAverage(average, x, decay.GetDouble());
            string expected = $"{name}/out64.shadow.step{step}";
            if (golden.Has(expected))
            {
                compared++;
                GoldenLimits.Check(expected, golden[expected].Reals(), average.ToArray(), 1e-6);
            }
        }

        Assert.True(compared > 0);
    }

    /// <summary>Decay and its rest, both rounded to float32, need not add up to 1.</summary>
    [Fact]
    public void An_average_stays_at_what_it_has_reached()
    {
        using Device device = TestDevice.Open(threads: 1);
        using TensorScope scope = TensorScope.Enter();
        Tensor x = Tensor.From(device, new Shape(20), Draw.Uniform(20));
        Tensor average = Ops.Scale(x, 1);
        for (int step = 0; step < 1000; step++)
        {
            Ops.MovingAverage(average, x, 0.9999);
        }

        Assert.Equal(x.ToArray(), average.ToArray());
    }

    [Fact]
    public void Refusals_name_both_values()
    {
        using Device device = TestDevice.Open(threads: 1);
        using TensorScope scope = TensorScope.Enter();
        Tensor p = Tensor.Zeros(device, new Shape(2, 3)), other = Tensor.Zeros(device, new Shape(3, 2));
        string Refusal(Tensor gradient, long step, AdamWSettings settings) =>
            Assert.Throws<ShapeException>(() => Ops.AdamW(p, gradient, p, p, step, settings)).Message;

        Assert.Equal(
            "AdamW: gradient, mean and square must be [2, 3] like the parameter, got [3, 2], [2, 3] and [2, 3]",
            Refusal(other, 1, new AdamWSettings()));
        Assert.Equal("AdamW: steps are counted from 1, got 0", Refusal(p, 0, new AdamWSettings()));
        Assert.Equal(
            "AdamW: both betas must be from 0 up to below 1, got 1 and 0.999",
            Refusal(p, 1, new AdamWSettings { Beta1 = 1 }));
        Assert.Equal(
            "AdamW: learning rate, eps and weight decay must not be below 0, got 1E-05, -1 and 0.01",
            Refusal(p, 1, new AdamWSettings { Eps = -1 }));
        Assert.Equal(
            "MovingAverage: x must be [2, 3] like the average and decay from 0 to 1, got [2, 3] and 1.5",
            Assert.Throws<ShapeException>(() => Ops.MovingAverage(p, p, 1.5)).Message);
    }

    private static float[][] Run(AdamWCase call, float[] parameter, int steps, int threads)
    {
        using Device device = TestDevice.Open(threads);
        using TensorScope scope = TensorScope.Enter();
        Tensor p = Tensor.From(device, call.X, parameter);
        Tensor m = Tensor.Zeros(device, call.X), v = Tensor.Zeros(device, call.X);
        for (int step = 1; step <= steps; step++)
        {
            Tensor g = Tensor.From(device, call.X, Draw.Uniform(call.X.Count, seed: step));
            Ops.AdamW(p, g, m, v, step, call.Settings);
        }

        return [p.ToArray(), m.ToArray(), v.ToArray()];
    }

    private static AdamWSettings SettingsOf(JsonElement parameters, int step) => new()
    {
        LearningRate = parameters.GetProperty("lr_per_step") is { ValueKind: JsonValueKind.Array } rates
            ? rates[step - 1].GetDouble()
            : parameters.GetProperty("lr").GetDouble(),
        Beta1 = parameters.GetProperty("betas")[0].GetDouble(),
        Beta2 = parameters.GetProperty("betas")[1].GetDouble(),
        Eps = parameters.GetProperty("eps").GetDouble(),
        WeightDecay = parameters.GetProperty("weight_decay").GetDouble(),
    };

    private static (GoldenTensors Golden, JsonElement Entry) Golden(string family, string name)
    {
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(Repository.Golden("ops", $"{family}.json")));
        JsonElement entry = json.RootElement.GetProperty("cases").EnumerateArray()
            .Single(e => e.GetProperty("case").GetString() == name).Clone();
        return (new GoldenTensors(Repository.Golden("ops", $"{family}.safetensors")), entry);
    }
}
