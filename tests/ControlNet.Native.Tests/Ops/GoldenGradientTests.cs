using System;
using System.Linq;
using System.Text.Json;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tests.Support;
using ControlNet.Verification;
using Xunit;

namespace ControlNet.Native.Tests.OpTests;

/// <summary>
/// Gradient kernels against the float64 gradients of the golden operations, by the acceptance rule of
/// <c>tests/Golden/README.md</c>. Images are NCHW there.
/// </summary>
public sealed class GoldenGradientTests : IDisposable
{
    private readonly Device _cpu = TestDevice.Open(2);

    public void Dispose() => _cpu.Dispose();

    [Fact]
    public void Convolution()
    {
        foreach ((JsonElement entry, Func<string, Tensor> tensor, Action<string, Tensor> check) in Cases("conv2d"))
        {
            using TensorScope scope = TensorScope.Enter();
            IConv2dKernels kernels = _cpu.Backend.Conv2d;
            Tensor x = Ops.ToChannelsLast(tensor("in.x")), dy = Ops.ToChannelsLast(tensor("gout.y"));
            Tensor w = tensor("in.w");
            JsonElement settings = entry.GetProperty("params");
            int[] pad = [.. settings.GetProperty("pad").EnumerateArray().Select(e => e.GetInt32())];
            Conv2dDims d = Conv2dDims.Infer(
                x.Shape, w.Shape, null, null, null, settings.GetProperty("stride").GetInt32(),
                new Padding(Top: pad[2], Bottom: pad[3], Left: pad[0], Right: pad[1]), Activation.None,
                out Shape result);
            Assert.Equal(result, dy.Shape);

            using PackedWeight packed = new(
                _cpu.Backend, w.Shape, DType.F32, kernels.PackedGradientCount(d.Out, d.In, d.Kernel, d.Stride));
            kernels.PackGradient(d.Out, d.In, d.Kernel, d.Stride, w.View, packed.View);
            Tensor dx = Tensor.Zeros(_cpu, x.Shape), dWeight = Tensor.Zeros(_cpu, w.Shape);
            kernels.DataGradient(d, dy.View, packed.View, BufferView.None, dx.View);
            kernels.WeightGradient(d, x.View, dy.View, false, dWeight.View);

            check("x", Ops.ToChannelsFirst(dx));
            check("w", dWeight);
            check("b", Ops.Sum(dy.Reshape(-1, d.Out), 0));
        }
    }

    [Fact]
    public void LinearLayer()
    {
        foreach ((_, Func<string, Tensor> tensor, Action<string, Tensor> check) in Cases("linear"))
        {
            using TensorScope scope = TensorScope.Enter();
            IMatMulKernels kernels = _cpu.Backend.MatMul;
            Tensor x = tensor("in.x"), w = tensor("in.w"), dy = tensor("gout.y");
            LinearDims d = LinearDims.Infer("Linear", x.Shape, w.Shape, null, null, Activation.None, out Shape result);
            Assert.Equal(result, dy.Shape);

            using PackedWeight packed = new(
                _cpu.Backend, w.Shape, DType.F32, kernels.PackedGradientCount(d.Out, d.In));
            kernels.PackGradient(d.Out, d.In, w.View, packed.View);
            Tensor dx = Tensor.Zeros(_cpu, x.Shape), dWeight = Tensor.Zeros(_cpu, w.Shape);
            kernels.LinearDataGradient(d, dy.View, packed.View, BufferView.None, dx.View);
            kernels.LinearWeightGradient(d, x.View, dy.View, false, dWeight.View);

            check("x", dx);
            check("w", dWeight);
            check("b", Ops.Sum(dy.Reshape(-1, d.Out), 0));
        }
    }

    [Fact]
    public void Product()
    {
        foreach ((JsonElement entry, Func<string, Tensor> tensor, Action<string, Tensor> check) in Cases("matmul"))
        {
            using TensorScope scope = TensorScope.Enter();
            Tensor a = tensor("in.a"), b = tensor("in.b"), dy = tensor("gout.y");
            bool transposeA = entry.GetProperty("params").GetProperty("transpose_a").GetBoolean();
            bool transposeB = entry.GetProperty("params").GetProperty("transpose_b").GetBoolean();
            check("a", SumTo(a.Shape, transposeA
                ? Ops.MatMul(b, dy, transposeB, true) : Ops.MatMul(dy, b, false, !transposeB)));
            check("b", SumTo(b.Shape, transposeB
                ? Ops.MatMul(dy, a, true, transposeA) : Ops.MatMul(a, dy, !transposeA, false)));
        }
    }

    /// <summary>Sums over the axes of a batch that the operand does not have or has only one of.</summary>
    private static Tensor SumTo(Shape operand, Tensor gradient)
    {
        while (gradient.Shape.Rank > operand.Rank)
        {
            gradient = Ops.Sum(gradient, 0);
        }

        for (int axis = 0; axis < operand.Rank; axis++)
        {
            if (operand[axis] != gradient.Shape[axis])
            {
                int[] kept = [.. Enumerable.Range(0, operand.Rank).Select(i => i == axis ? 1 : gradient.Shape[i])];
                gradient = Ops.Sum(gradient, axis).Reshape(kept);
            }
        }

        return gradient;
    }

    private (JsonElement Entry, Func<string, Tensor> Tensor, Action<string, Tensor> Check)[] Cases(string family)
    {
        GoldenContext context = new(Repository.Golden(), _cpu);
        GoldenTensors golden = context.Tensors($"ops/{family}.safetensors");
        JsonElement[] entries = [.. context.Json($"ops/{family}.json").GetProperty("cases").EnumerateArray()];
        Assert.NotEmpty(entries);
        return [.. entries.Select(entry =>
        {
            string name = entry.GetProperty("case").GetString()!;
            Tensor Read(string role)
            {
                GoldenTensor tensor = golden[$"{name}/{role}"];
                return Tensor.From(_cpu, new Shape(tensor.Shape), tensor.Floats());
            }

            void Check(string input, Tensor actual)
            {
                if (entry.GetProperty("grads").TryGetProperty(input, out JsonElement limits))
                {
                    Compare($"{family} {name}: d{input}", golden[$"{name}/grad64.{input}"].Reals(), actual.ToArray(),
                        limits.GetProperty("err_f32_vs_f64"));
                }
            }

            return (entry, (Func<string, Tensor>)Read, (Action<string, Tensor>)Check);
        })];
    }

    private static void Compare(string name, double[] expected, float[] actual, JsonElement limits)
    {
        Assert.Equal(expected.Length, actual.Length);
        double[] errors = [.. expected.Zip(actual, (e, a) => Math.Abs(a - e))];
        double largest = errors.Max(), limit = limits.GetProperty("atol").GetDouble();
        Assert.True(largest <= limit, $"{name} is off by {largest:e2}, the limit is {limit:e2}");
        if (limits.GetProperty("rms_tol") is { ValueKind: JsonValueKind.Number } tolerance)
        {
            double error = Math.Sqrt(errors.Sum(e => e * e)), scale = Math.Sqrt(expected.Sum(e => e * e));
            Assert.True(
                error <= tolerance.GetDouble() * scale,
                $"{name} has a relative rms error of {error / scale:e2}, the limit is {tolerance.GetDouble():e2}");
        }
    }
}
