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
