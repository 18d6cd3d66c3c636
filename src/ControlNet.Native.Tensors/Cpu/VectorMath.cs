using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// Elementary functions on 16 lanes. Written once on <see cref="Vector512{T}"/>; the JIT splits it where registers are
/// narrower. The library's own functions are built for an accuracy no network needs and cost five times as much.
/// </summary>
/// <remarks>
/// The polynomials are minimax fits in the relative error of the result, made for this file by Lawson's iteration;
/// each comment states the error of the fit, each summary the error of the whole function.
/// A product that feeds a sum is fused only where the machine does so at full speed, so results differ in the last
/// place between machines with and without FMA, never between runs on one.
/// </remarks>
internal static partial class VectorMath
{
    private const float Log2E = 1.44269504f;

    /// <summary>
    /// ln 2 in two parts; the first has 9 significant bits, so its product with an exponent is exact.
    /// </summary>
    private const float Ln2High = 0.693359375f, Ln2Low = -2.12194440e-4f;

    /// <summary>
    /// Below the first exp rounds to 0, above the second it overflows; below the third 2^x rounds to 0.
    /// </summary>
    private const float ExpLowest = -104f, ExpHighest = 89f, Exp2Lowest = -151f;

    /// <summary>
    /// Where erf changes from its odd polynomial to 1 - exp(-...); from <see cref="ErfOne"/> on it rounds to 1.
    /// </summary>
    private const float ErfBreak = 0.9277f, ErfOne = 3.95f;

    /// <summary>
    /// exp(x) within 2 ulp, denormal results within 1 of their units; 0 at -inf, inf at +inf, NaN at NaN.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x) => ExpInRange(Clamp(x, ExpLowest, ExpHighest));

    /// <summary>2^x within 2 ulp, with the special values of <see cref="Exp(Vector512{float})"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp2(Vector512<float> x) => Exp2InRange(Clamp(x, Exp2Lowest, 129f));

    /// <summary>The error function within 2 ulp; exactly ±1 from ±3.95 on, NaN at NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Erf(Vector512<float> x)
    {
        Vector512<float> sign = x & Vector512.Create(-0f);
        Vector512<float> t = Vector512.MinNative(Vector512.Create(ErfOne), x ^ sign);
        Vector512<float> s = t * t;

        // erf(t) = t + t P(t^2) on [0, 0.9277], fit 1.8e-8.
        Vector512<float> p = Vector512.Create(-5.943188991e-4f);
        p = Fma(p, s, Vector512.Create(4.983864734e-3f));
        p = Fma(p, s, Vector512.Create(-2.676030652e-2f));
        p = Fma(p, s, Vector512.Create(1.128164386e-1f));
        p = Fma(p, s, Vector512.Create(-3.761247749e-1f));
        p = Fma(p, s, Vector512.Create(1.283791472e-1f));
        Vector512<float> near = Fma(p, t, t);

        // erf(t) = 1 - exp(-(t + t Q(t))) on [0.9277, 3.95], fit 3.0e-9.
        Vector512<float> q = Vector512.Create(-2.138840993e-4f);
        q = Fma(q, t, Vector512.Create(3.214122398e-3f));
        q = Fma(q, t, Vector512.Create(-2.288728549e-2f));
        q = Fma(q, t, Vector512.Create(1.052576527e-1f));
        q = Fma(q, t, Vector512.Create(6.357215067e-1f));
        q = Fma(q, t, Vector512.Create(1.285134135e-1f));
        Vector512<float> far = Vector512<float>.One - ExpInRange(-Fma(q, t, t));

        return Vector512.ConditionalSelect(Vector512.LessThan(t, Vector512.Create(ErfBreak)), near, far) | sign;
    }

    /// <summary>x sigmoid(slope x) on 16 lanes, see the general form below.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Swish(Vector512<float> x, float slope) => Avx512F.IsSupported
        ? Swish<Lanes16, Vector512<float>>(x, slope)
        : Vector512.Create(
            Swish<Lanes8, Vector256<float>>(x.GetLower(), slope), Swish<Lanes8, Vector256<float>>(x.GetUpper(), slope));

    /// <summary>x (1 + erf(x / sqrt 2)) / 2 on 16 lanes, see the general form below.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Gelu(Vector512<float> x) => Avx512F.IsSupported
        ? Gelu<Lanes16, Vector512<float>>(x)
        : Vector512.Create(
            Gelu<Lanes8, Vector256<float>>(x.GetLower()), Gelu<Lanes8, Vector256<float>>(x.GetUpper()));

    /// <summary>
    /// x / (1 + exp(-slope x)): relative error at most 3e-7 + 1e-7 |x|, so on [-12, 12] at most 1.2e-6, of which
    /// half is the rounding of the sum; 0 at -inf, NaN at NaN. The sum rounds to x / 1 for large x and overflows to
    /// -0 for small x, so only -inf itself needs a bound.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Swish<TLanes, TVector>(TVector x, float slope)
        where TLanes : struct, ILanes<TVector>
    {
        x = TLanes.Max(TLanes.Create(-128f / slope), x);
        TVector e = FastExp2<TLanes, TVector>(TLanes.Multiply(x, TLanes.Create(-slope * Log2E)));
        return TLanes.Divide(x, TLanes.Add(TLanes.Create(1f), e));
    }

    /// <summary>
    /// x (1 + erf(x / sqrt 2)) / 2 within 4e-7 absolute where |x| is at most 6 and 2 ulp beyond; 0 at -inf, NaN at NaN.
    /// Taken as max(x, 0) - |x| F(-|x|) with F the normal distribution: the logarithm of F is so smooth that a
    /// polynomial and one power of two replace erf, there is no quotient, and nothing cancels for negative x.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Gelu<TLanes, TVector>(TVector x)
        where TLanes : struct, ILanes<TVector>
    {
        // Beyond the bound F rounds to 0; without it the product below would be inf times 0.
        TVector t = TLanes.Min(TLanes.Create(16f), TLanes.Abs(x)), t2 = TLanes.Multiply(t, t);

        // log2 F(-t) = -1 + t Q(t), fit of t F(-t) on [0, 5.5] within 3.7e-8; beyond it falls faster than F does. In
        // pairs, because the chain of a plain Horner scheme is longer than the processor looks ahead.
        TVector q01 = TLanes.Fma(TLanes.Create(-0.4591929009f), t, TLanes.Create(-1.151106457f));
        TVector q23 = TLanes.Fma(TLanes.Create(7.169384659e-3f), t, TLanes.Create(-5.255610539e-2f));
        TVector q45 = TLanes.Fma(TLanes.Create(-1.406615379e-4f), t, TLanes.Create(-2.326492032e-4f));
        TVector q67 = TLanes.Fma(TLanes.Create(-1.838783799e-6f), t, TLanes.Create(2.859828910e-5f));
        TVector q = TLanes.Fma(q67, t2, q45);
        q = TLanes.Fma(q, t2, q23);
        q = TLanes.Fma(q, t2, q01);
        TVector tail = FastExp2<TLanes, TVector>(TLanes.Fma(q, t, TLanes.Create(-1f)));
        return TLanes.Subtract(TLanes.Max(TLanes.Create(0f), x), TLanes.Multiply(t, tail));
    }

    /// <summary>
    /// 2^x within 2.1e-7 relative: one term less than <see cref="Exp2(Vector512{float})"/>. 0 at -inf, inf at +inf,
    /// NaN at NaN; results below 2^-126 may be 0.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector FastExp2<TLanes, TVector>(TVector x)
        where TLanes : struct, ILanes<TVector>
    {
        x = TLanes.ClampExponent(x);
        TVector n = TLanes.Round(x), r = TLanes.Subtract(x, n);

        // 2^r on [-0.5, 0.5], fit 7.5e-8.
        TVector p = TLanes.Create(1.327647215e-3f);
        p = TLanes.Fma(p, r, TLanes.Create(9.675541662e-3f));
        p = TLanes.Fma(p, r, TLanes.Create(5.550713276e-2f));
        p = TLanes.Fma(p, r, TLanes.Create(2.402211972e-1f));
        p = TLanes.Fma(p, r, TLanes.Create(6.931469671e-1f));
        return TLanes.Scale(TLanes.Fma(p, r, TLanes.Create(1.000000072f)), n);
    }

    /// <summary>The scalar error function, the same fits as the vector one.</summary>
    public static float Erf(float x)
    {
        float t = MathF.Min(ErfOne, MathF.Abs(x)), s = t * t;
        float value = t < ErfBreak
            ? t + (t * ((((((((((-5.943188991e-4f * s) + 4.983864734e-3f) * s) - 2.676030652e-2f) * s)
                + 1.128164386e-1f) * s) - 3.761247749e-1f) * s) + 1.283791472e-1f))
            : 1f - MathF.Exp(-(t + (t * ((((((((((-2.138840993e-4f * t) + 3.214122398e-3f) * t) - 2.288728549e-2f) * t)
                + 1.052576527e-1f) * t) + 6.357215067e-1f) * t) + 1.285134135e-1f))));
        return MathF.CopySign(value, x);
    }

    /// <summary>The scalar x sigmoid(slope x); 0 at -inf.</summary>
    public static float Swish(float x, float slope)
    {
        float a = MathF.Min(-ExpLowest, MathF.Abs(x));
        float e = MathF.Exp(-slope * a);
        return MathF.Max(x, 0f) - (a * e / (1f + e));
    }

    /// <summary>The scalar x (1 + erf(x / sqrt 2)) / 2; 0 at -inf.</summary>
    public static float Gelu(float x)
    {
        float floored = x < -16f ? -16f : x;
        return 0.5f * floored * (1f + Erf(floored * 0.707106781f));
    }

    /// <summary>a b + c, fused where that is one instruction and never emulated.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Fma(Vector512<float> a, Vector512<float> b, Vector512<float> c) =>
        Vector512.MultiplyAddEstimate(a, b, c);

    /// <summary>x between the bounds. The bounds come first: on x86 the second operand wins when one is NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Clamp(Vector512<float> x, float lowest, float highest) =>
        Vector512.MinNative(Vector512.Create(highest), Vector512.MaxNative(Vector512.Create(lowest), x));

    /// <summary>exp of a number between <see cref="ExpLowest"/> and <see cref="ExpHighest"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> ExpInRange(Vector512<float> x)
    {
        Vector512<float> n = Vector512.Round(x * Vector512.Create(Log2E));
        Vector512<float> r = Fma(n, Vector512.Create(-Ln2High), x);
        r = Fma(n, Vector512.Create(-Ln2Low), r);

        // exp(r) = 1 + r + r^2 P(r) on [-0.35, 0.35], fit 3.3e-9.
        Vector512<float> p = Vector512.Create(1.381314237e-3f);
        p = Fma(p, r, Vector512.Create(8.369419044e-3f));
        p = Fma(p, r, Vector512.Create(4.166845683e-2f));
        p = Fma(p, r, Vector512.Create(1.666651479e-1f));
        p = Fma(p, r, Vector512.Create(4.999999305e-1f));
        return ScaleByPowerOfTwo(Fma(p, r * r, r) + Vector512<float>.One, n);
    }

    /// <summary>2^x for a number between <see cref="Exp2Lowest"/> and 129.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Exp2InRange(Vector512<float> x)
    {
        Vector512<float> n = Vector512.Round(x);
        Vector512<float> r = x - n;

        // 2^r on [-0.505, 0.505], fit 2.0e-9.
        Vector512<float> p = Vector512.Create(1.537000125e-4f);
        p = Fma(p, r, Vector512.Create(1.340117146e-3f));
        p = Fma(p, r, Vector512.Create(9.618383303e-3f));
        p = Fma(p, r, Vector512.Create(5.550325746e-2f));
        p = Fma(p, r, Vector512.Create(2.402264832e-1f));
        p = Fma(p, r, Vector512.Create(6.931472071e-1f));
        return ScaleByPowerOfTwo(Fma(p, r, Vector512<float>.One), n);
    }

    /// <summary>p 2^n, rounded once, for |n| up to 252.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> ScaleByPowerOfTwo(Vector512<float> p, Vector512<float> n)
    {
        if (Avx512F.IsSupported)
        {
            return Avx512F.Scale(p, n);
        }

        // Two factors, because 2^n itself may be out of range where p 2^n is not; the first product is exact.
        Vector512<int> exponent = Vector512.ConvertToInt32Native(n);
        Vector512<int> half = exponent >> 1;
        Vector512<int> bias = Vector512.Create(127);
        return p * ((half + bias) << 23).AsSingle() * ((exponent - half + bias) << 23).AsSingle();
    }
}
