using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// How a float is stored, as a struct type argument: 16 lanes or one element from and to memory. Widening is exact,
/// denormals, infinities and NaN payloads included (a signalling NaN becomes quiet); narrowing rounds to nearest,
/// ties to even.
/// </summary>
internal unsafe interface IElement
{
    static abstract int Bytes { get; }

    static abstract Vector512<float> LoadLanes(void* source, long element);

    static abstract void StoreLanes(Vector512<float> v, void* target, long element);

    static abstract float Load(void* source, long element);

    static abstract void Store(float v, void* target, long element);
}

/// <summary>IEEE 754 binary32, stored as it is.</summary>
internal readonly unsafe struct Binary32 : IElement
{
    public static int Bytes => sizeof(float);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadLanes(void* source, long element) => Vector512.Load((float*)source + element);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreLanes(Vector512<float> v, void* target, long element) => v.Store((float*)target + element);

    public static float Load(void* source, long element) => ((float*)source)[element];

    public static void Store(float v, void* target, long element) => ((float*)target)[element] = v;
}

/// <summary>IEEE 754 binary16: 5 bits of exponent, 10 of fraction.</summary>
internal readonly unsafe struct Binary16 : IElement
{
    public static int Bytes => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadLanes(void* source, long element)
    {
        Vector512<uint> h = HalfLanes.Extend((ushort*)source + element);
        Vector512<uint> magnitude = (h & Vector512.Create(0x7fffu)) << 13;

        // The exponents differ in bias by 112; a product with a power of two also normalises denormals.
        Vector512<uint> scaled = (magnitude.AsSingle() * Vector512.Create(5.192296858534828e33f)).AsUInt32();
        Vector512<uint> special = magnitude | Vector512.Create(0x7f800000u);
        special |= Vector512.GreaterThan(magnitude, Vector512.Create(0x0f800000u)) & Vector512.Create(0x00400000u);
        Vector512<uint> isSpecial = Vector512.GreaterThanOrEqual(magnitude, Vector512.Create(0x0f800000u));
        Vector512<uint> sign = (h & Vector512.Create(0x8000u)) << 16;
        return (Vector512.ConditionalSelect(isSpecial, special, scaled) | sign).AsSingle();
    }

    /// <summary>Giesen's scheme: the adder rounds denormals, an integer addition rounds normals.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreLanes(Vector512<float> v, void* target, long element)
    {
        Vector512<uint> bits = v.AsUInt32();
        Vector512<uint> magnitude = bits & Vector512.Create(0x7fffffffu);

        // Adding 1/2 aligns the last bit of a binary16 denormal with the last bit of the sum.
        Vector512<uint> half = Vector512.Create(0x3f000000u);
        Vector512<uint> denormal = (magnitude.AsSingle() + half.AsSingle()).AsUInt32() - half;
        Vector512<uint> odd = (magnitude >> 13) & Vector512<uint>.One;
        Vector512<uint> normal = (magnitude + odd + Vector512.Create(0xc8000fffu)) >> 13;
        Vector512<uint> nan = Vector512.Create(0x7e00u) | ((magnitude >> 13) & Vector512.Create(0x3ffu));

        Vector512<uint> result = Vector512.ConditionalSelect(
            Vector512.LessThan(magnitude, Vector512.Create(0x38800000u)), denormal, normal);
        result = Vector512.ConditionalSelect(
            Vector512.GreaterThanOrEqual(magnitude, Vector512.Create(0x47800000u)), Vector512.Create(0x7c00u), result);
        result = Vector512.ConditionalSelect(
            Vector512.GreaterThan(magnitude, Vector512.Create(0x7f800000u)), nan, result);
        HalfLanes.Truncate(result | ((bits >> 16) & Vector512.Create(0x8000u)), (ushort*)target + element);
    }

    public static float Load(void* source, long element) => (float)((Half*)source)[element];

    public static void Store(float v, void* target, long element) => ((Half*)target)[element] = (Half)v;
}

/// <summary>bfloat16: the upper half of a binary32.</summary>
internal readonly unsafe struct Brain16 : IElement
{
    public static int Bytes => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadLanes(void* source, long element) =>
        (HalfLanes.Extend((ushort*)source + element) << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreLanes(Vector512<float> v, void* target, long element)
    {
        Vector512<uint> bits = v.AsUInt32();
        Vector512<uint> rounded = (bits + Vector512.Create(0x7fffu) + ((bits >> 16) & Vector512<uint>.One)) >> 16;
        Vector512<uint> nan = (bits >> 16) | Vector512.Create(0x40u);
        Vector512<uint> ordered = Vector512.Equals(v, v).AsUInt32();
        HalfLanes.Truncate(Vector512.ConditionalSelect(ordered, rounded, nan), (ushort*)target + element);
    }

    public static float Load(void* source, long element) =>
        BitConverter.UInt32BitsToSingle((uint)((ushort*)source)[element] << 16);

    public static void Store(float v, void* target, long element)
    {
        uint bits = BitConverter.SingleToUInt32Bits(v);
        ((ushort*)target)[element] = float.IsNaN(v)
            ? (ushort)((bits >> 16) | 0x40)
            : (ushort)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
    }
}

/// <summary>Runs of elements from one storage type to another.</summary>
internal static unsafe class HalfLanes
{
    /// <summary>Elements of any float type to F32.</summary>
    public static void Widen(DType type, void* source, float* target, long count)
    {
        switch (type)
        {
            case DType.F32: Convert<Binary32, Binary32>(source, target, count); break;
            case DType.F16: WidenBinary16((ushort*)source, target, count); break;
            case DType.BF16: Convert<Brain16, Binary32>(source, target, count); break;
            default: throw new ArgumentOutOfRangeException(nameof(type), type, "not a float type");
        }
    }

    /// <summary>F32 to any float type, rounded to nearest, ties to even.</summary>
    public static void Narrow(DType type, float* source, void* target, long count)
    {
        switch (type)
        {
            case DType.F32: Convert<Binary32, Binary32>(source, target, count); break;
            case DType.F16: Convert<Binary32, Binary16>(source, target, count); break;
            case DType.BF16: Convert<Binary32, Brain16>(source, target, count); break;
            default: throw new ArgumentOutOfRangeException(nameof(type), type, "not a float type");
        }
    }

    /// <summary>Converts through binary32, which holds every value of both 16-bit types.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Convert<TSource, TTarget>(void* source, void* target, long count)
        where TSource : struct, IElement
        where TTarget : struct, IElement
    {
        long i = 0;
        if (Vector128.IsHardwareAccelerated)
        {
            for (; i <= count - 16; i += 16)
            {
                TTarget.StoreLanes(TSource.LoadLanes(source, i), target, i);
            }
        }

        for (; i < count; i++)
        {
            TTarget.Store(TSource.Load(source, i), target, i);
        }
    }

    /// <summary>
    /// Weights are finite, and for finite values a shift and a product with a power of two do. Whether all were is
    /// found out on the way; if not, the run is done again.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void WidenBinary16(ushort* source, float* target, long count)
    {
        const ushort Infinity = 0x7c00;
        long i = 0;
        if (Avx512BW.IsSupported)
        {
            Vector512<int> kept = Vector512.Create(unchecked((int)0x8fffffff));
            Vector512<float> scale = Vector512.Create(5.192296858534828e33f);
            Vector512<ushort> magnitude = Vector512.Create((ushort)0x7fff), largest = Vector512<ushort>.Zero;
            for (; i <= count - 32; i += 32)
            {
                Vector512<short> h = Vector512.Load((short*)source + i);
                largest = Vector512.Max(largest, h.AsUInt16() & magnitude);
                Vector512<int> lower = Avx512F.ConvertToVector512Int32(h.GetLower()) << 13;
                Vector512<int> upper = Avx512F.ConvertToVector512Int32(h.GetUpper()) << 13;
                ((lower & kept).AsSingle() * scale).Store(target + i);
                ((upper & kept).AsSingle() * scale).Store(target + i + 16);
            }

            if (Vector512.GreaterThanOrEqualAny(largest, Vector512.Create(Infinity)))
            {
                i = 0;
            }
        }

        Convert<Binary16, Binary32>(source + i, target + i, count - i);
    }

    /// <summary>16 unsigned 16-bit integers, each in a 32-bit lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Extend(ushort* source)
    {
        Vector256<ushort> narrow = Vector256.Load(source);
        if (Avx512F.IsSupported)
        {
            return Avx512F.ConvertToVector512UInt32(narrow);
        }

        (Vector256<uint> lower, Vector256<uint> upper) = Vector256.Widen(narrow);
        return Vector512.Create(lower, upper);
    }

    /// <summary>The lower 16 bits of each lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Truncate(Vector512<uint> v, ushort* target) =>
        Vector256.Narrow(v.GetLower(), v.GetUpper()).Store(target);
}
