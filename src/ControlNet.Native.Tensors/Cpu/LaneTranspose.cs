using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// Turns rows into lanes and back: blocks of 16 x 16 or 8 x 8 in registers where AVX-512 or AVX
/// have the shuffles, else one by one.
/// </summary>
internal static unsafe class LaneTranspose
{
    /// <summary>target[c][r] = factor * source[r][c] for all rows and columns.</summary>
    /// <param name="source">Rows <paramref name="sourceStride"/> floats apart.</param>
    /// <param name="sourceStride">In floats.</param>
    /// <param name="rows">Rows of the source.</param>
    /// <param name="columns">Columns of the source.</param>
    /// <param name="factor">Of every element.</param>
    /// <param name="target">Rows <paramref name="targetStride"/> floats apart; overlaps nothing.</param>
    /// <param name="targetStride">In floats.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scaled(
        float* source, long sourceStride, int rows, int columns, float factor, float* target, long targetStride)
    {
        int r = 0;
        for (; Avx512F.IsSupported && r <= rows - 16; r += 16)
        {
            float* from = source + (r * sourceStride);
            int c = 0;
            for (; c <= columns - 16; c += 16)
            {
                Block16(from + c, sourceStride, factor, target + (c * targetStride) + r, targetStride);
            }

            for (; c <= columns - 8; c += 8)
            {
                float* to = target + (c * targetStride) + r;
                Block8(from + c, sourceStride, factor, to, targetStride);
                Block8(from + (8 * sourceStride) + c, sourceStride, factor, to + 8, targetStride);
            }

            Single(from + c, sourceStride, 16, columns - c, factor, target + (c * targetStride) + r, targetStride);
        }

        for (; Avx.IsSupported && r <= rows - 8; r += 8)
        {
            int c = 0;
            for (; c <= columns - 8; c += 8)
            {
                Block8(
                    source + (r * sourceStride) + c, sourceStride, factor, target + (c * targetStride) + r,
                    targetStride);
            }

            Single(
                source + (r * sourceStride) + c, sourceStride, 8, columns - c, factor, target + (c * targetStride) + r,
                targetStride);
        }

        Single(source + (r * sourceStride), sourceStride, rows - r, columns, factor, target + r, targetStride);
    }

    private static void Single(
        float* source, long sourceStride, int rows, int columns, float factor, float* target, long targetStride)
    {
        for (int c = 0; c < columns; c++)
        {
            for (int r = 0; r < rows; r++)
            {
                target[(c * targetStride) + r] = source[(r * sourceStride) + c] * factor;
            }
        }
    }

    /// <summary>Groups of four rows by themselves, then their 128-bit quarters change places.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Block16(float* source, long sourceStride, float factor, float* target, long targetStride)
    {
        Vector512<float> f = Vector512.Create(factor);
        (Vector512<float> a0, Vector512<float> a1, Vector512<float> a2, Vector512<float> a3) =
            Rows4(source, sourceStride, f);
        (Vector512<float> b0, Vector512<float> b1, Vector512<float> b2, Vector512<float> b3) =
            Rows4(source + (4 * sourceStride), sourceStride, f);
        (Vector512<float> c0, Vector512<float> c1, Vector512<float> c2, Vector512<float> c3) =
            Rows4(source + (8 * sourceStride), sourceStride, f);
        (Vector512<float> d0, Vector512<float> d1, Vector512<float> d2, Vector512<float> d3) =
            Rows4(source + (12 * sourceStride), sourceStride, f);
        Quarters(a0, b0, c0, d0, target, 4 * targetStride);
        Quarters(a1, b1, c1, d1, target + targetStride, 4 * targetStride);
        Quarters(a2, b2, c2, d2, target + (2 * targetStride), 4 * targetStride);
        Quarters(a3, b3, c3, d3, target + (3 * targetStride), 4 * targetStride);
    }

    /// <summary>Quarter q of result i holds column 4 q + i of the four rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<float> R0, Vector512<float> R1, Vector512<float> R2, Vector512<float> R3) Rows4(
        float* source, long stride, Vector512<float> factor)
    {
        Vector512<float> s0 = Vector512.Load(source) * factor, s1 = Vector512.Load(source + stride) * factor;
        Vector512<float> s2 = Vector512.Load(source + (2 * stride)) * factor,
            s3 = Vector512.Load(source + (3 * stride)) * factor;
        Vector512<float> p0 = Avx512F.UnpackLow(s0, s1), p1 = Avx512F.UnpackHigh(s0, s1);
        Vector512<float> p2 = Avx512F.UnpackLow(s2, s3), p3 = Avx512F.UnpackHigh(s2, s3);
        const byte Lower = 0b01_00_01_00, Upper = 0b11_10_11_10;
        return (Avx512F.Shuffle(p0, p2, Lower), Avx512F.Shuffle(p0, p2, Upper),
            Avx512F.Shuffle(p1, p3, Lower), Avx512F.Shuffle(p1, p3, Upper));
    }

    /// <summary>Row q of the target gets quarter q of a, b, c and d.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Quarters(
        Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d, float* target, long stride)
    {
        const byte Even = 0b10_00_10_00, Odd = 0b11_01_11_01;
        Vector512<float> abEven = Avx512F.Shuffle4x128(a, b, Even), abOdd = Avx512F.Shuffle4x128(a, b, Odd);
        Vector512<float> cdEven = Avx512F.Shuffle4x128(c, d, Even), cdOdd = Avx512F.Shuffle4x128(c, d, Odd);
        Avx512F.Shuffle4x128(abEven, cdEven, Even).Store(target);
        Avx512F.Shuffle4x128(abOdd, cdOdd, Even).Store(target + stride);
        Avx512F.Shuffle4x128(abEven, cdEven, Odd).Store(target + (2 * stride));
        Avx512F.Shuffle4x128(abOdd, cdOdd, Odd).Store(target + (3 * stride));
    }

    /// <summary>Pairs, then fours, then halves change places.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Block8(float* source, long sourceStride, float factor, float* target, long targetStride)
    {
        Vector256<float> f = Vector256.Create(factor);
        Vector256<float> s0 = Vector256.Load(source) * f, s1 = Vector256.Load(source + sourceStride) * f;
        Vector256<float> s2 = Vector256.Load(source + (2 * sourceStride)) * f,
            s3 = Vector256.Load(source + (3 * sourceStride)) * f;
        Vector256<float> s4 = Vector256.Load(source + (4 * sourceStride)) * f,
            s5 = Vector256.Load(source + (5 * sourceStride)) * f;
        Vector256<float> s6 = Vector256.Load(source + (6 * sourceStride)) * f,
            s7 = Vector256.Load(source + (7 * sourceStride)) * f;

        Vector256<float> p0 = Avx.UnpackLow(s0, s1), p1 = Avx.UnpackHigh(s0, s1);
        Vector256<float> p2 = Avx.UnpackLow(s2, s3), p3 = Avx.UnpackHigh(s2, s3);
        Vector256<float> p4 = Avx.UnpackLow(s4, s5), p5 = Avx.UnpackHigh(s4, s5);
        Vector256<float> p6 = Avx.UnpackLow(s6, s7), p7 = Avx.UnpackHigh(s6, s7);

        const byte Lower = 0b01_00_01_00, Upper = 0b11_10_11_10;
        Vector256<float> q0 = Avx.Shuffle(p0, p2, Lower), q1 = Avx.Shuffle(p0, p2, Upper);
        Vector256<float> q2 = Avx.Shuffle(p1, p3, Lower), q3 = Avx.Shuffle(p1, p3, Upper);
        Vector256<float> q4 = Avx.Shuffle(p4, p6, Lower), q5 = Avx.Shuffle(p4, p6, Upper);
        Vector256<float> q6 = Avx.Shuffle(p5, p7, Lower), q7 = Avx.Shuffle(p5, p7, Upper);

        const byte LowerHalves = 0x20, UpperHalves = 0x31;
        Avx.Permute2x128(q0, q4, LowerHalves).Store(target);
        Avx.Permute2x128(q1, q5, LowerHalves).Store(target + targetStride);
        Avx.Permute2x128(q2, q6, LowerHalves).Store(target + (2 * targetStride));
        Avx.Permute2x128(q3, q7, LowerHalves).Store(target + (3 * targetStride));
        Avx.Permute2x128(q0, q4, UpperHalves).Store(target + (4 * targetStride));
        Avx.Permute2x128(q1, q5, UpperHalves).Store(target + (5 * targetStride));
        Avx.Permute2x128(q2, q6, UpperHalves).Store(target + (6 * targetStride));
        Avx.Permute2x128(q3, q7, UpperHalves).Store(target + (7 * targetStride));
    }
}
