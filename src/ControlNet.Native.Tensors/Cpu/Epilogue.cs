using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// What happens to a value between the arithmetic and the store. A struct type argument, so every kernel is
/// compiled once per epilogue and the call disappears; no delegate, no branch in the loop.
/// </summary>
internal interface IEpilogue
{
    static abstract float Apply(float v);

    static abstract Vector512<float> Apply(Vector512<float> v);

    /// <summary>The same on a vector of whichever width.</summary>
    static abstract TVector Apply<TLanes, TVector>(TVector v)
        where TLanes : struct, ILanes<TVector>;
}

/// <summary>v</summary>
internal readonly struct Identity : IEpilogue
{
    public static float Apply(float v) => v;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> v) => v;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Apply<TLanes, TVector>(TVector v)
        where TLanes : struct, ILanes<TVector> => v;
}

/// <summary>v / (1 + exp(-v))</summary>
internal readonly struct Silu : IEpilogue
{
    public static float Apply(float v) => VectorMath.Swish(v, 1f);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> v) => VectorMath.Swish(v, 1f);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Apply<TLanes, TVector>(TVector v)
        where TLanes : struct, ILanes<TVector> => VectorMath.Swish<TLanes, TVector>(v, 1f);
}

/// <summary>v (1 + erf(v / sqrt 2)) / 2</summary>
internal readonly struct Gelu : IEpilogue
{
    public static float Apply(float v) => VectorMath.Gelu(v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> v) => VectorMath.Gelu(v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Apply<TLanes, TVector>(TVector v)
        where TLanes : struct, ILanes<TVector> => VectorMath.Gelu<TLanes, TVector>(v);
}

/// <summary>v / (1 + exp(-1.702 v)). Source: Hendrycks and Gimpel, 2016, arXiv:1606.08415, section 2.</summary>
internal readonly struct QuickGelu : IEpilogue
{
    private const float Slope = 1.702f;

    public static float Apply(float v) => VectorMath.Swish(v, Slope);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> v) => VectorMath.Swish(v, Slope);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Apply<TLanes, TVector>(TVector v)
        where TLanes : struct, ILanes<TVector> => VectorMath.Swish<TLanes, TVector>(v, Slope);
}

/// <summary>v (1 + tanh(sqrt(2 / pi) (v + 0.044715 v^3))) / 2. Source: as of <see cref="QuickGelu"/>.</summary>
internal readonly struct GeluTanh : IEpilogue
{
    public static float Apply(float v) => VectorMath.GeluTanh(v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> v) => VectorMath.GeluTanh(v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Apply<TLanes, TVector>(TVector v)
        where TLanes : struct, ILanes<TVector> => VectorMath.GeluTanh<TLanes, TVector>(v);
}

/// <summary>1 / (1 + exp(-v))</summary>
internal readonly struct Sigmoid : IEpilogue
{
    public static float Apply(float v) => VectorMath.Sigmoid(v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> v) => VectorMath.Sigmoid(v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Apply<TLanes, TVector>(TVector v)
        where TLanes : struct, ILanes<TVector> => VectorMath.Sigmoid<TLanes, TVector>(v);
}

/// <summary>max(v, 0); NaN at NaN.</summary>
internal readonly struct Relu : IEpilogue
{
    public static float Apply(float v) => MathF.Max(v, 0f);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> v) => Vector512.MaxNative(Vector512<float>.Zero, v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Apply<TLanes, TVector>(TVector v)
        where TLanes : struct, ILanes<TVector> => TLanes.Max(TLanes.Create(0f), v);
}

/// <summary>tanh(v)</summary>
internal readonly struct Tanh : IEpilogue
{
    public static float Apply(float v) => VectorMath.Tanh(v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> v) => VectorMath.Tanh(v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Apply<TLanes, TVector>(TVector v)
        where TLanes : struct, ILanes<TVector> => VectorMath.Tanh<TLanes, TVector>(v);
}
