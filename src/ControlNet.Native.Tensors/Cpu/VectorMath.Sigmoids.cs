using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ControlNet.Native.Tensors.Cpu;

/// <content>The sigmoid and its relatives: tanh, and the GELU that is made of it.</content>
internal static partial class VectorMath
{
    /// <summary>
    /// (1 + tanh(t)) / 2 is the sigmoid of 2 t, and 2 t of GELU is x (slope + cubic x^2): 2 sqrt(2 / pi) and 0.044715
    /// times that. Source: Hendrycks and Gimpel, 2016, arXiv:1606.08415, section 2.
    /// </summary>
    private const float GeluTanhSlope = 1.59576912f, GeluTanhCubic = 0.0713548163f;

    /// <summary>From here on tanh rounds to 1.</summary>
    private const float TanhOne = 9.1f;

    /// <summary>1 / (1 + exp(-x)) on 16 lanes, see the general form below.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Sigmoid(Vector512<float> x) => Avx512F.IsSupported
        ? Sigmoid<Lanes16, Vector512<float>>(x)
        : Vector512.Create(
            Sigmoid<Lanes8, Vector256<float>>(x.GetLower()), Sigmoid<Lanes8, Vector256<float>>(x.GetUpper()));

    /// <summary>tanh(x) on 16 lanes, see the general form below.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Tanh(Vector512<float> x) => Avx512F.IsSupported
        ? Tanh<Lanes16, Vector512<float>>(x)
        : Vector512.Create(
            Tanh<Lanes8, Vector256<float>>(x.GetLower()), Tanh<Lanes8, Vector256<float>>(x.GetUpper()));

    /// <summary>GELU by tanh on 16 lanes, see the general form below.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> GeluTanh(Vector512<float> x) => Avx512F.IsSupported
        ? GeluTanh<Lanes16, Vector512<float>>(x)
        : Vector512.Create(
            GeluTanh<Lanes8, Vector256<float>>(x.GetLower()), GeluTanh<Lanes8, Vector256<float>>(x.GetUpper()));

    /// <summary>
    /// 1 / (1 + exp(-x)): relative error at most 4e-7 + 1e-7 |x|, half of a unit for positive x; 0 at -inf, 1 at +inf,
    /// NaN at NaN. Results below 2^-126 may be 0.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Sigmoid<TLanes, TVector>(TVector x)
        where TLanes : struct, ILanes<TVector>
    {
        TVector e = FastExp2<TLanes, TVector>(TLanes.Multiply(x, TLanes.Create(-Log2E)));
        return TLanes.Divide(TLanes.Create(1f), TLanes.Add(TLanes.Create(1f), e));
    }

    /// <summary>
    /// tanh(x) within 5e-7 relative, small results included; exactly -1 and 1 at the infinities, NaN at NaN. With
    /// e = exp(2 x) - 1 = 2^n (2^r - 1) + (2^n - 1) it is e / (e + 2): near 0 n is 0, and e as exact as its polynomial.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Tanh<TLanes, TVector>(TVector x)
        where TLanes : struct, ILanes<TVector>
    {
        x = TLanes.Min(TLanes.Create(TanhOne), TLanes.Max(TLanes.Create(-TanhOne), x));
        TVector y = TLanes.Multiply(x, TLanes.Create(2 * Log2E));
        TVector n = TLanes.Round(y), r = TLanes.Subtract(y, n);

        // 2^r - 1 on [-0.505, 0.505], fit 2.0e-9 of 2^r.
        TVector p = TLanes.Create(1.537000125e-4f);
        p = TLanes.Fma(p, r, TLanes.Create(1.340117146e-3f));
        p = TLanes.Fma(p, r, TLanes.Create(9.618383303e-3f));
        p = TLanes.Fma(p, r, TLanes.Create(5.550325746e-2f));
        p = TLanes.Fma(p, r, TLanes.Create(2.402264832e-1f));
        p = TLanes.Fma(p, r, TLanes.Create(6.931472071e-1f));
        TVector power = TLanes.Scale(TLanes.Create(1f), n);
        TVector e = TLanes.Fma(power, TLanes.Multiply(p, r), TLanes.Subtract(power, TLanes.Create(1f)));
        return TLanes.Divide(e, TLanes.Add(e, TLanes.Create(2f)));
    }

    /// <summary>
    /// x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 as x / (1 + exp(-u)), u twice the argument of tanh: within
    /// 1.2e-6 absolute on [-12, 12]; 0 at -inf, NaN at NaN.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector GeluTanh<TLanes, TVector>(TVector x)
        where TLanes : struct, ILanes<TVector>
    {
        x = TLanes.Max(TLanes.Create(-128f), x);
        TVector slope = TLanes.Fma(
            TLanes.Multiply(x, x), TLanes.Create(-GeluTanhCubic * Log2E), TLanes.Create(-GeluTanhSlope * Log2E));
        TVector e = FastExp2<TLanes, TVector>(TLanes.Multiply(x, slope));
        return TLanes.Divide(x, TLanes.Add(TLanes.Create(1f), e));
    }

    /// <summary>The scalar sigmoid; 0 at -inf.</summary>
    public static float Sigmoid(float x) => 1f / (1f + MathF.Exp(-x));

    /// <summary>The scalar tanh.</summary>
    public static float Tanh(float x) => MathF.Tanh(x);

    /// <summary>The scalar GELU by tanh; 0 at -inf.</summary>
    public static float GeluTanh(float x)
    {
        float a = MathF.Min(-ExpLowest, MathF.Abs(x));
        float e = MathF.Exp(-a * ((GeluTanhCubic * a * a) + GeluTanhSlope));
        return MathF.Max(x, 0f) - (a * e / (1f + e));
    }
}
