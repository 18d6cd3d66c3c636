using System;
using ControlNet.Native.Tensors;
using Xunit;

namespace ControlNet.Native.Tests.Support;

/// <summary>Tensors in F16: values that F16 has exactly, the way there and back, and the rule for errors.</summary>
internal static class HalfTensors
{
    /// <summary>Relative error in the L2 norm allowed to an operation that stores its result in F16.</summary>
    public const double Bound = 2e-3;

    /// <summary>Whether a device takes activations in F16.</summary>
    public static bool HasHalves(this Device device) => device.Backend.SupportsActivations(DType.F16);

    /// <summary>The nearest values that F16 has.</summary>
    public static float[] Rounded(float[] values) => RandomFloats.Rounded(values, DType.F16);

    /// <summary>A tensor of a type on a device.</summary>
    public static Tensor Tensor(Device device, Shape shape, float[] values, DType type = DType.F16)
    {
        Tensor floats = Tensors.Tensor.From(device, shape, values);
        return type == DType.F32 ? floats : Ops.Cast(floats, type);
    }

    /// <summary>The elements of a tensor of any type of floats.</summary>
    public static float[] Floats(this Tensor tensor) =>
        (tensor.DType == DType.F32 ? tensor : Ops.Cast(tensor, DType.F32)).ToArray();

    /// <summary>Holds a result in F16 against its definition in double.</summary>
    public static void Check(double[] expected, Tensor actual)
    {
        Assert.Equal(DType.F16, actual.DType);
        Check(expected, actual.Floats());
    }

    /// <summary>Holds values against their definition: relative error in the L2 norm, and no NaN.</summary>
    public static void Check(double[] expected, float[] actual, double bound = Bound)
    {
        Assert.Equal(expected.Length, actual.Length);
        double squares = 0, reference = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            squares += (actual[i] - expected[i]) * (actual[i] - expected[i]);
            reference += expected[i] * expected[i];
        }

        double error = squares == 0 ? 0 : Math.Sqrt(squares / reference);
        Assert.True(error <= bound, $"relative L2 error {error:e2} exceeds {bound:e2}");
    }

    /// <summary>The same for a choice of elements of a long result.</summary>
    public static void Check(Func<long, double> definition, float[] actual)
    {
        long[] indices = RandomFloats.IndicesToCheck(actual.Length);
        Check(Array.ConvertAll(indices, i => definition(i)), Array.ConvertAll(indices, i => actual[i]));
    }
}
