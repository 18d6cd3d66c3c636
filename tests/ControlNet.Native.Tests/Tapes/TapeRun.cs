using System;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Tapes;

/// <summary>One operation under a tape, held against central differences of its plain definition in double.</summary>
internal static class TapeRun
{
    /// <summary>Small random values: the definitions are smooth there and steps of 1/128 small beside them.</summary>
    public static float[][] Values(params Shape[] shapes) =>
        [.. shapes.Select((shape, i) => RandomFloats.Uniform(shape.Count, seed: 31 + i))];

    /// <summary>Checks the gradient of every input, and again with only one of them wanted at a time.</summary>
    /// <param name="compute">The operation.</param>
    /// <param name="definition">The same in double, from values in the order of the inputs.</param>
    /// <param name="shapes">The inputs.</param>
    /// <param name="bound">Largest error relative to the largest element of a gradient.</param>
    public static void Check(
        Func<Tensor[], Tensor> compute, Func<float[][], double[]> definition, Shape[] shapes, double bound = 1e-3)
    {
        float[][] values = Values(shapes);
        int all = (1 << shapes.Length) - 1;
        (float[]?[] gradients, float[] dy) = Gradients(compute, values, shapes, all, threads: 2);
        for (int i = 0; i < shapes.Length; i++)
        {
            CentralDifferences.Check(
                _ => CentralDifferences.Loss(definition(values), dy), values[i],
                [.. gradients[i]!.Select(v => (double)v)], bound);
            (float[]?[] alone, _) = Gradients(compute, values, shapes, 1 << i, threads: 2);
            Assert.Equal(gradients[i], alone[i]);
        }

        foreach (int threads in (int[])[1, 3, 8])
        {
            Assert.Equal(gradients, Gradients(compute, values, shapes, all, threads).Gradients);
        }
    }

    /// <summary>The gradients of the inputs whose bit is set, and what backward started from.</summary>
    public static (float[]?[] Gradients, float[] Upstream) Gradients(
        Func<Tensor[], Tensor> compute, float[][] values, Shape[] shapes, int wanted, int threads)
    {
        using Device device = TestDevice.Open(threads);
        float[]?[] found = new float[values.Length][];
        float[] dy;
        using (TensorScope scope = TensorScope.Enter())
        {
            Tensor[] inputs = [.. values.Select((v, i) => Tensor.From(device, shapes[i], v))];
            for (int i = 0; i < inputs.Length; i++)
            {
                if ((wanted >> i & 1) != 0)
                {
                    inputs[i].RequireGradient();
                }
            }

            using Tape tape = Tape.Record();
            Tensor y = compute(inputs);
            dy = RandomFloats.Uniform(y.Shape.Count, seed: 5);
            using Gradients gradients = tape.Backward(y, Tensor.From(device, y.Shape, dy));
            Assert.Equal(int.PopCount(wanted), gradients.Count);
            for (int i = 0; i < inputs.Length; i++)
            {
                found[i] = gradients.TryGet(inputs[i], out Tensor? gradient) ? gradient.ToArray() : null;
            }
        }

        Assert.Equal(0, device.BlocksInUse);
        return (found, dy);
    }
}
