using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ControlNet.Native.Tensors.Cpu;

/// <content>Derivatives of the activations, from the same exponentials as these.</content>
internal static partial class VectorMath
{
    /// <summary>
    /// The derivative of x s(slope x), s being the sigmoid: s + slope x s (1 - s), within 1e-6; 0 at -inf, 1 at +inf.
    /// With e = exp(-slope |x|) and w = 1 / (1 + e), s is w on one side of 0 and e w on the other, and s (1 - s) is
    /// e w w on both.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> SwishDerivative(Vector512<float> x, float slope)
    {
        Vector512<float> a = Vector512.MinNative(Vector512.Create(-ExpLowest), Vector512.Abs(x));
        return SigmoidProductDerivative(x, a, a * Vector512.Create(-slope * Log2E), Vector512.Create(slope));
    }

    /// <summary>
    /// The derivative of x s(u), u = 2 sqrt(2 / pi) (x + 0.044715 x^3): s + x s (1 - s) u', within 1e-6; 0 at -inf, 1
    /// at +inf.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> GeluTanhDerivative(Vector512<float> x)
    {
        Vector512<float> a = Vector512.MinNative(Vector512.Create(-ExpLowest), Vector512.Abs(x)), a2 = a * a;
        Vector512<float> slope = Vector512.Create(GeluTanhSlope);
        Vector512<float> product = Fma(a2, Vector512.Create(GeluTanhCubic), slope) * Vector512.Create(-Log2E);
        return SigmoidProductDerivative(x, a, a * product, Fma(a2, Vector512.Create(3 * GeluTanhCubic), slope));
    }

    /// <summary>The derivative of the sigmoid, s (1 - s), within 2e-7; 0 at -inf and +inf.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> SigmoidDerivative(Vector512<float> x)
    {
        Vector512<float> a = Vector512.MinNative(Vector512.Create(-ExpLowest), Vector512.Abs(x));
        Vector512<float> w = Sigmoids(a * Vector512.Create(-Log2E), out Vector512<float> ew);
        return ew * w;
    }

    /// <summary>
    /// The derivative of tanh, 4 s (1 - s) with s the sigmoid of 2 x, within 5e-7; 0 at -inf and +inf.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> TanhDerivative(Vector512<float> x)
    {
        Vector512<float> a = Vector512.MinNative(Vector512.Create(-ExpLowest), Vector512.Abs(x));
        Vector512<float> w = Sigmoids(a * Vector512.Create(-2 * Log2E), out Vector512<float> ew);
        return Vector512.Create(4f) * ew * w;
    }

    /// <summary>
    /// The derivative of GELU, (1 + erf(x / sqrt 2)) / 2 + x exp(-x^2 / 2) / sqrt(2 pi), within 1e-6; 0 at -inf, 1 at
    /// +inf.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> GeluDerivative(Vector512<float> x)
    {
        GeluAndDerivative(x, out Vector512<float> derivative);
        return derivative;
    }

    /// <summary>GELU and its derivative from one error function.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> GeluAndDerivative(Vector512<float> x, out Vector512<float> derivative)
    {
        // From 16 on both terms of the derivative are exact in float32; the value takes x itself.
        Vector512<float> near = Vector512.MaxNative(
            Vector512.Create(-16f), Vector512.MinNative(Vector512.Create(16f), x));
        Vector512<float> half = Vector512.Create(0.5f);
        Vector512<float> share = Fma(half, Erf(near * Vector512.Create(0.707106781f)), half);
        Vector512<float> density = ExpInRange(
            Vector512.MaxNative(Vector512.Create(ExpLowest), near * near * Vector512.Create(-0.5f)));
        derivative = Fma(near * Vector512.Create(0.398942280f), density, share);
        return Vector512.MaxNative(Vector512.Create(-16f), x) * share;
    }

    /// <summary>
    /// The derivative of x s(u), odd u, from a = |x|, the exponent of 2 that is -u(a) and the derivative of u.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> SigmoidProductDerivative(
        Vector512<float> x, Vector512<float> a, Vector512<float> exponent, Vector512<float> slope)
    {
        Vector512<float> w = Sigmoids(exponent, out Vector512<float> ew);
        Vector512<float> negative = Vector512.LessThan(x, Vector512<float>.Zero);
        Vector512<float> signed = a ^ (negative & Vector512.Create(-0f));
        return Fma(signed * slope, ew * w, Vector512.ConditionalSelect(negative, ew, w));
    }

    /// <summary>
    /// 1 / (1 + e) with e = 2^exponent, the exponent not positive, and e / (1 + e), which is 1 less that.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Sigmoids(Vector512<float> exponent, out Vector512<float> other)
    {
        Vector512<float> e = Exp2InRange(Vector512.MaxNative(Vector512.Create(Exp2Lowest), exponent));
        Vector512<float> w = Vector512<float>.One / (Vector512<float>.One + e);
        other = e * w;
        return w;
    }

    /// <summary>The scalar derivative of GELU with tanh.</summary>
    public static float GeluTanhDerivative(float x)
    {
        float a = MathF.Min(-ExpLowest, MathF.Abs(x)), a2 = a * a;
        float e = MathF.Exp(-a * ((GeluTanhCubic * a2) + GeluTanhSlope)), w = 1f / (1f + e);
        return (x < 0f ? e * w : w) + (((3 * GeluTanhCubic * a2) + GeluTanhSlope) * MathF.CopySign(a, x) * e * w * w);
    }

    /// <summary>The scalar derivative of the sigmoid.</summary>
    public static float SigmoidDerivative(float x)
    {
        float e = MathF.Exp(-MathF.Abs(x)), w = 1f / (1f + e);
        return e * w * w;
    }

    /// <summary>The scalar derivative of tanh.</summary>
    public static float TanhDerivative(float x) => 4f * SigmoidDerivative(2f * x);

    /// <summary>The scalar derivative of x sigmoid(slope x).</summary>
    public static float SwishDerivative(float x, float slope)
    {
        float a = MathF.Min(-ExpLowest, MathF.Abs(x));
        float e = MathF.Exp(-slope * a), w = 1f / (1f + e);
        return (x < 0f ? e * w : w) + (slope * MathF.CopySign(a, x) * e * w * w);
    }

    /// <summary>The scalar derivative of GELU.</summary>
    public static float GeluDerivative(float x)
    {
        float near = x < -16f ? -16f : x > 16f ? 16f : x;
        return 0.5f + (0.5f * Erf(near * 0.707106781f)) + (near * 0.398942280f * MathF.Exp(-0.5f * near * near));
    }
}
