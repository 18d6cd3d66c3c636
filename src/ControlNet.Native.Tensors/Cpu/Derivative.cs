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
