using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// A width of vector as a struct type argument: a loop is written once and compiled for 16 lanes where AVX-512 has
/// them, for 8 everywhere else. What the JIT makes of 512 bits on narrower registers goes through memory, and costs
/// more than the halved width.
/// </summary>
/// <typeparam name="TVector">The vector itself, so that nothing wraps it and it stays in a register.</typeparam>
internal unsafe interface ILanes<TVector> : ILaneArithmetic<TVector>
{
    /// <summary>
    /// Asks for a cache line that a loop will want <see cref="Ahead.Floats"/> later; any address will do.
    /// </summary>
    static abstract void Prefetch(float* source);

    /// <summary>Asks for the cache line of this address; any address will do.</summary>
    static abstract void PrefetchLine(float* source);

    static abstract TVector Divide(TVector a, TVector b);

    /// <summary>The larger; on x86 b where either is NaN.</summary>
    static abstract TVector Max(TVector a, TVector b);

    /// <summary>The smaller; on x86 b where either is NaN.</summary>
    static abstract TVector Min(TVector a, TVector b);

    static abstract TVector Abs(TVector v);

    /// <summary>The sum of all lanes, in pairs.</summary>
    static abstract float Sum(TVector v);

    /// <summary>The largest lane.</summary>
    static abstract float Largest(TVector v);

    static abstract bool EqualsAll(TVector a, TVector b);

    /// <summary>x rounded to an integer, and the power of two that <see cref="Scale"/> will take from it.</summary>
    static abstract TVector Round(TVector v);

    /// <summary>
    /// x between the bounds of what <see cref="Scale"/> can take after rounding: nothing happens where it takes all.
    /// </summary>
    static abstract TVector ClampExponent(TVector x);

    /// <summary>p 2^n for an integer n in the range of <see cref="ClampExponent"/>.</summary>
    static abstract TVector Scale(TVector p, TVector n);
}

/// <summary>How far ahead of a loop memory is asked for.</summary>
internal static class Ahead
{
    /// <summary>
    /// 4 KiB: the processor's own prefetching stops at the end of a page, and these loops compute enough between two
    /// loads to be held up by every page.
    /// </summary>
    public const int Floats = 1024;
}

/// <summary>16 lanes, for AVX-512 only.</summary>
internal readonly unsafe struct Lanes16 : ILanes<Vector512<float>>
{
    public static int Count => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(float* source) => Vector512.Load(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(float* source) => PrefetchLine(source + Ahead.Floats);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void PrefetchLine(float* source)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(source);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> v, float* target) => v.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreStreaming(Vector512<float> v, float* target) => v.StoreAlignedNonTemporal(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Create(float value) => Vector512.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Add(Vector512<float> a, Vector512<float> b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Subtract(Vector512<float> a, Vector512<float> b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Multiply(Vector512<float> a, Vector512<float> b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Divide(Vector512<float> a, Vector512<float> b) => a / b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Fma(Vector512<float> a, Vector512<float> b, Vector512<float> c) =>
        Vector512.MultiplyAddEstimate(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Max(Vector512<float> a, Vector512<float> b) => Vector512.MaxNative(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Min(Vector512<float> a, Vector512<float> b) => Vector512.MinNative(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Abs(Vector512<float> v) => Vector512.Abs(v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector512<float> v) => Lanes8.Sum(v.GetLower() + v.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Largest(Vector512<float> v) => Lanes8.Largest(Vector256.MaxNative(v.GetLower(), v.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool EqualsAll(Vector512<float> a, Vector512<float> b) => Vector512.EqualsAll(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Round(Vector512<float> v) => Vector512.Round(v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> ClampExponent(Vector512<float> x) => x;

    /// <summary>Any n: 0 at -inf and inf at +inf, whatever p is; rounded once where the result is denormal.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Scale(Vector512<float> p, Vector512<float> n) => Avx512F.Scale(p, n);
}

/// <summary>8 lanes; the JIT splits them once more where registers have 128 bits.</summary>
internal readonly unsafe struct Lanes8 : ILanes<Vector256<float>>
{
    public static int Count => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(float* source) => Vector256.Load(source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(float* source) => PrefetchLine(source + Ahead.Floats);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void PrefetchLine(float* source)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(source);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<float> v, float* target) => v.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreStreaming(Vector256<float> v, float* target) => v.StoreAlignedNonTemporal(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Create(float value) => Vector256.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Add(Vector256<float> a, Vector256<float> b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Subtract(Vector256<float> a, Vector256<float> b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Multiply(Vector256<float> a, Vector256<float> b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Divide(Vector256<float> a, Vector256<float> b) => a / b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Fma(Vector256<float> a, Vector256<float> b, Vector256<float> c) =>
        Vector256.MultiplyAddEstimate(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Max(Vector256<float> a, Vector256<float> b) => Vector256.MaxNative(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Min(Vector256<float> a, Vector256<float> b) => Vector256.MinNative(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Abs(Vector256<float> v) => Vector256.Abs(v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector256<float> v)
    {
        Vector128<float> four = v.GetLower() + v.GetUpper();
        Vector128<float> two = four + Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1));
        return two.ToScalar() + two.GetElement(1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Largest(Vector256<float> v)
    {
        Vector128<float> four = Vector128.MaxNative(v.GetLower(), v.GetUpper());
        Vector128<float> two = Vector128.MaxNative(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1)));
        return Vector128.MaxNative(two, Vector128.Shuffle(two, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool EqualsAll(Vector256<float> a, Vector256<float> b) => Vector256.EqualsAll(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Round(Vector256<float> v) => Vector256.Round(v);

    /// <summary>A NaN stays one: the bounds come first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> ClampExponent(Vector256<float> x) =>
        Vector256.MinNative(Vector256.Create(128f), Vector256.MaxNative(Vector256.Create(-127f), x));

    /// <summary>
    /// n from -127, where the power and so the product is 0, to 128, where it is infinite. Denormal results are 0.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Scale(Vector256<float> p, Vector256<float> n)
    {
        Vector256<int> exponent = Vector256.ConvertToInt32Native(n) + Vector256.Create(127);
        return p * (exponent << 23).AsSingle();
    }
}
