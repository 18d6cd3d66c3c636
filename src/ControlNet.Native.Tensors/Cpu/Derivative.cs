using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>The derivative of an <see cref="IEpilogue"/>, and as that a struct type argument.</summary>
internal interface IDerivative
{
    static abstract float Apply(float v);

    static abstract Vector512<float> Apply(Vector512<float> v);
}

/// <summary>1</summary>
internal readonly struct IdentityDerivative : IDerivative
{
    public static float Apply(float v) => 1f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> v) => Vector512<float>.One;
}

/// <summary>s (1 + v (1 - s)) with s = 1 / (1 + exp(-v))</summary>
internal readonly struct SiluDerivative : IDerivative
{
    public static float Apply(float v) => VectorMath.SwishDerivative(v, 1f);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> v) => VectorMath.SwishDerivative(v, 1f);
}

/// <summary>(1 + erf(v / sqrt 2)) / 2 + v exp(-v^2 / 2) / sqrt(2 pi)</summary>
internal readonly struct GeluDerivative : IDerivative
{
    public static float Apply(float v) => VectorMath.GeluDerivative(v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> v) => VectorMath.GeluDerivative(v);
}

/// <summary>s (1 + 1.702 v (1 - s)) with s = 1 / (1 + exp(-1.702 v))</summary>
internal readonly struct QuickGeluDerivative : IDerivative
{
    private const float Slope = 1.702f;

    public static float Apply(float v) => VectorMath.SwishDerivative(v, Slope);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> v) => VectorMath.SwishDerivative(v, Slope);
}

/// <summary>s + v s (1 - s) u' with u = 2 sqrt(2 / pi) (v + 0.044715 v^3) and s = 1 / (1 + exp(-u))</summary>
internal readonly struct GeluTanhDerivative : IDerivative
{
    public static float Apply(float v) => VectorMath.GeluTanhDerivative(v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> v) => VectorMath.GeluTanhDerivative(v);
}

/// <summary>s (1 - s) with s = 1 / (1 + exp(-v))</summary>
internal readonly struct SigmoidDerivative : IDerivative
{
    public static float Apply(float v) => VectorMath.SigmoidDerivative(v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> v) => VectorMath.SigmoidDerivative(v);
}

/// <summary>1 where v is positive, 0 elsewhere; NaN at NaN.</summary>
internal readonly struct ReluDerivative : IDerivative
{
    public static float Apply(float v) => v > 0f ? 1f : v <= 0f ? 0f : v;

    /// <summary>Of a NaN, which neither is greater nor equals itself, its own bits are left.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> v) =>
        (Vector512.GreaterThan(v, Vector512<float>.Zero) & Vector512<float>.One)
        | Vector512.AndNot(v, Vector512.Equals(v, v));
}

/// <summary>1 - tanh(v)^2, as 4 s (1 - s) with s = 1 / (1 + exp(-2 v))</summary>
internal readonly struct TanhDerivative : IDerivative
{
    public static float Apply(float v) => VectorMath.TanhDerivative(v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> v) => VectorMath.TanhDerivative(v);
}
