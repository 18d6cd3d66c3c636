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
/// derivative is the inner product of gradient and u, which no single element's rounding can hide in. The loss is float32
/// inside, so its difference over a step is noisy: the squared error is summed in double from the network's output, the
/// direction moves all parameters at once, each in proportion to its gradient's sign so that the slope is steep, and
/// steps of h, 2 h and 4 h are extrapolated to zero (Richardson), which leaves an error of h^6 and allows large steps.
/// </summary>
public sealed class DirectionalDerivativeTests(ITestOutputHelper output)
{
    private const double Bound = 1e-5;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_gradient_predicts_the_loss_along_a_direction(bool recompute)
    {
        using Device cpu = Devices.Cpu(2);
        using (TensorScope scope = TensorScope.Enter())
        {
            using Checkpoint unetFile = TinyModels.Open("sd1-tiny", "unet"), netFile = TinyModels.Open("controlnet-tiny-canny");
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

            double[][] gradient = Gradient(map, recompute, Estimate, latents.Like(target));
            float[][] start = [.. map.Parameters.Select(p => p.Value.ToArray())];
            Random random = new(3);
            double[][] direction =
            [
                .. gradient.Select((g, i) => g.Select(
                    (v, j) => Math.Sign(v) * random.NextDouble() * Math.Abs(start[i][j])).ToArray()),
            ];
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

            const double Step = 2e-3;
            double one = Slope(Step), two = Slope(2 * Step), four = Slope(4 * Step);
            double ratio = ((64 * one) - (20 * two) + four) / 45;
            output.WriteLine($"steps {one:g9} {two:g9} {four:g9}, extrapolated {ratio:g9}");
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
