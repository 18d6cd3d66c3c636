using System;
using System.Runtime.Intrinsics;
using ControlNet.Native.Tensors.Cpu;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.BackendTests;

public sealed class VectorMathTests
{
    private delegate Vector512<float> Lanes(Vector512<float> x);

    [Fact]
    public void Exp_is_within_two_units_in_the_last_place() =>
        Check(VectorMath.Exp, Math.Exp, -87f, 88.7f, bound: 2);

    [Fact]
    public void Exp2_is_within_two_units_in_the_last_place() =>
        Check(VectorMath.Exp2, v => Math.Pow(2, v), -126f, 127.9f, bound: 2);

    [Fact]
    public void Erf_is_within_two_units_in_the_last_place() =>
        Check(VectorMath.Erf, ReferencePointwise.Erf, -5f, 5f, bound: 2);

    [Fact]
    public void Tanh_is_within_four_units_in_the_last_place() =>
        Check(VectorMath.Tanh, Math.Tanh, -12f, 12f, bound: 4);

    [Fact]
    public void Scalar_erf_is_within_two_units_in_the_last_place()
    {
        for (int i = -50_000; i <= 50_000; i++)
        {
            float x = i / 10_000f;
            AssertUlp("Erf", x, ReferencePointwise.Erf(x), VectorMath.Erf(x), 2);
        }
    }

    [Fact]
    public void Special_values_are_those_of_the_functions()
    {
        Assert.Equal(0f, One(VectorMath.Exp, float.NegativeInfinity));
        Assert.Equal(0f, One(VectorMath.Exp, -3.4e38f));
        Assert.Equal(float.PositiveInfinity, One(VectorMath.Exp, float.PositiveInfinity));
        Assert.Equal(float.PositiveInfinity, One(VectorMath.Exp, 3.4e38f));
        Assert.Equal(1f, One(VectorMath.Exp, 0f));
        Assert.Equal((float)Math.Exp(-100), One(VectorMath.Exp, -100f), tolerance: 1.5e-45f);
        Assert.Equal(0f, One(VectorMath.Exp2, float.NegativeInfinity));
        Assert.Equal(float.PositiveInfinity, One(VectorMath.Exp2, 128f));
        Assert.Equal(float.Epsilon, One(VectorMath.Exp2, -149f));
        Assert.Equal(-1f, One(VectorMath.Erf, float.NegativeInfinity));
        Assert.Equal(1f, One(VectorMath.Erf, 3.95f));
        Assert.Equal(float.Epsilon, One(VectorMath.Erf, float.Epsilon));
        Assert.Equal(0f, One(VectorMath.Sigmoid, float.NegativeInfinity));
        Assert.Equal(1f, One(VectorMath.Sigmoid, float.PositiveInfinity));
        Assert.Equal(-1f, One(VectorMath.Tanh, float.NegativeInfinity));
        Assert.Equal(1f, One(VectorMath.Tanh, 3.4e38f));
        Assert.Equal(1e-30f, One(VectorMath.Tanh, 1e-30f), tolerance: 3e-37f);
        Lanes[] all = [VectorMath.Exp, VectorMath.Exp2, VectorMath.Erf, VectorMath.Sigmoid, VectorMath.Tanh];
        foreach (Lanes f in all)
        {
            Assert.True(float.IsNaN(One(f, float.NaN)));
        }
    }

    private static float One(Lanes f, float x) => f(Vector512.Create(x)).GetElement(7);

    private static void Check(Lanes lanes, Func<double, double> exact, float low, float high, double bound)
    {
        const int Vectors = 4_000;
        float[] x = new float[16];
        for (int vector = 0; vector < Vectors; vector++)
        {
            for (int lane = 0; lane < 16; lane++)
            {
                x[lane] = low + ((high - low) * (((vector * 16) + lane) / (Vectors * 16f)));
            }

            Vector512<float> y = lanes(Vector512.Create(x));
            for (int lane = 0; lane < 16; lane++)
            {
                AssertUlp(lanes.Method.Name, x[lane], exact(x[lane]), y.GetElement(lane), bound);
            }
        }
    }

    private static void AssertUlp(string function, float x, double expected, float actual, double bound)
    {
        float nearest = Math.Abs((float)expected);
        double unit = MathF.BitIncrement(nearest) - nearest;
        double error = Math.Abs(actual - expected) / unit;
        Assert.True(error <= bound, $"{function}({x:g9}) is {actual:g9}, off by {error:f2} units in the last place");
    }
}
