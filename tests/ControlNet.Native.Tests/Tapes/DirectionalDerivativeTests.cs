using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Models;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Unet;
using ControlNet.Native.Weights;
using Xunit;
using Xunit.Abstractions;

namespace ControlNet.Native.Tests.Tapes;

/// <summary>
/// The gradient of a whole ControlNet through the UNet it controls, against the loss itself. Along a direction u the
/// derivative is the inner product of gradient and u. The loss is float32 inside, so its difference over a step is
/// noisy: the squared error is summed in double from the network's output, the prediction uses the steps as float32
/// holds them, the direction moves every parameter at random but uphill, so that the slope is steep, steps of h to 4 h
/// are combined to cancel the terms up to h^7 (the central difference of eighth order), which allows larger steps, and
/// what is left is averaged over directions.
/// </summary>
public sealed class DirectionalDerivativeTests(ITestOutputHelper output)
{
    private const double Bound = 1e-5;

    private const int Directions = 32;

    private const double Step = 1e-3;

    /// <summary>What the slopes over h, 2 h, 3 h and 4 h count.</summary>
    private static readonly double[] s_orders = [8 / 5d, -4 / 5d, 8 / 35d, -1 / 35d];

    [Fact]
    public void The_gradient_predicts_the_loss_along_a_direction()
    {
        using Device cpu = TestDevice.Open(2);
        using (TensorScope scope = TensorScope.Enter())
        {
            using Checkpoint unetFile = TinyModels.Open("sd1-tiny", "unet");
            using Checkpoint netFile = TinyModels.Open("controlnet-tiny-canny");
            using UnetModel unet = new(
                unetFile.Unet!.Map(cpu).For(WeightUse.Frozen), unetFile.Unet.Config, WeightUse.Inference);
            WeightMap map = netFile.ControlNet!.Map(cpu).For(WeightUse.Trained);
            using ControlNetModel net = new(map, netFile.ControlNet.Config);
            Tensor latents = TinyModels.Numbers(cpu, 1, 8, 8, 4), hint = TinyModels.Numbers(cpu, 1, 64, 64, 3);
            Tensor states = TinyModels.Numbers(cpu, 1, 9, TinyModels.TextWidth);
            float[] target = RandomFloats.Uniform(latents.Shape.Count, 11);
            Tensor Estimate()
            {
                using TextContext text = new(states);
                return unet.Forward(latents, [500f], text, net.Forward(latents, [500f], text, net.EncodeHint(hint)));
            }

            double[][] gradient = Gradient(map, recompute: false, Estimate, latents.Like(target));
            Assert.Equal(gradient, Gradient(map, recompute: true, Estimate, latents.Like(target)));
            float[][] start = [.. map.Parameters.Select(p => p.Value.ToArray())];
            double[][] direction = [];
            double Loss(double step)
            {
                Move(map, start, direction, step);
                using TensorScope inner = TensorScope.Enter();
                return Estimate().ToArray().Zip(target, (e, t) => ((double)e - t) * ((double)e - t)).Average();
            }

            // The parameters move to what float32 can hold, so the slope is that along the way they really went.
            double Slope(double step)
            {
                double difference = Loss(step);
                float[][] above = [.. map.Parameters.Select(p => p.Value.ToArray())];
                difference -= Loss(-step);
                float[][] below = [.. map.Parameters.Select(p => p.Value.ToArray())];
                double predicted = gradient.Select((g, i) =>
                    g.Select((v, j) => v * ((double)above[i][j] - below[i][j])).Sum()).Sum();
                return difference / predicted;
            }

            double[] ratios = new double[Directions];
            for (int n = 0; n < Directions; n++)
            {
                Random random = new(n);
                direction =
                [
                    .. gradient.Select((g, i) => g.Select(
                        (v, j) => Math.Sign(v) * random.NextDouble() * Math.Abs(start[i][j])).ToArray()),
                ];
                ratios[n] = s_orders.Select((weight, k) => weight * Slope((k + 1) * Step)).Sum();
            }

            double ratio = ratios.Average();
            output.WriteLine($"{ratio - 1:e2} on average, single ones up to {ratios.Max(r => Math.Abs(r - 1)):e2}");
            Assert.True(Math.Abs(ratio - 1) <= Bound, $"measured / predicted slope is {ratio:g9}");
        }

        Assert.Equal(0, cpu.BlocksInUse);
    }

    private static double[][] Gradient(WeightMap map, bool recompute, Func<Tensor> estimate, Tensor target)
    {
        using Tape tape = Tape.Record(recompute);
        using Gradients gradients = tape.Backward(Ops.MeanSquaredError(estimate(), target));
        Assert.Equal(map.Parameters.Count, gradients.Count);
        return [.. map.Parameters.Select(p => gradients[p.Value].ToArray().Select(v => (double)v).ToArray())];
    }

    private static void Move(WeightMap map, float[][] start, double[][] direction, double step)
    {
        IReadOnlyList<Parameter> parameters = map.Parameters;
        for (int i = 0; i < parameters.Count; i++)
        {
            using Tensor moved = parameters[i].Value.Like(
                [.. start[i].Select((v, j) => (float)(v + (step * direction[i][j])))]);

            // An average that keeps nothing of itself is a copy.
            Ops.MovingAverage(parameters[i].Value, moved, decay: 0);
        }
    }
}
