using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// Online softmax of 32 queries at once, one to a lane, so that no step is horizontal. Scores come a tile of keys at a
/// time, already scaled by log2(e). Source: Milakov and Gimelshein, 2018, arXiv:1805.02867, algorithm 3.
/// </summary>
/// <remarks>Memory: <see cref="StateFloats"/> floats, namely the largest score so far and the sum of weights of each lane.</remarks>
internal readonly unsafe struct SoftmaxLanes(float* state)
{
    public const int Lanes = 32;
    public const int StateFloats = 3 * Lanes;

    private readonly float* _largest = state, _sum = state + Lanes, _factor = state + (2 * Lanes);

    /// <summary>Forgets all scores.</summary>
    public void Reset()
    {
        new Span<float>(_largest, Lanes).Fill(float.NegativeInfinity);
        new Span<float>(_sum, Lanes).Clear();
    }

    /// <summary>
    /// Replaces scores <c>[keys][32]</c> by weights relative to the largest score so far, and scales what was summed with
    /// the weights before, <c>[rows][32]</c>, down to that.
    /// </summary>
    public void Weigh(float* scores, int keys, float* sums, int rows)
    {
        if (Vector128.IsHardwareAccelerated)
        {
            for (int half = 0; half < Lanes; half += 16)
            {
                if (FindLargest(scores + half, keys, half))
                {
                    Rescale(sums + half, rows, half);
                }

                Exponentiate(scores + half, keys, half);
            }

            return;
        }

        for (int lane = 0; lane < Lanes; lane++)
        {
            WeighLane(scores + lane, keys, sums + lane, rows, lane);
        }
    }

    /// <summary>Divides <c>[rows][32]</c> by the sums of the weights.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Normalise(float* sums, int rows)
    {
        for (int lane = 0; lane < Lanes; lane++)
        {
            _factor[lane] = 1 / _sum[lane];
        }

        for (int half = 0; half < Lanes; half += 16)
        {
            Rescale(sums + half, rows, half);
        }
    }

    /// <summary>Raises the largest scores of 16 lanes; whether any rose. The factors for what was summed before are left behind.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool FindLargest(float* scores, int keys, int half)
    {
        Vector512<float> before = Vector512.Load(_largest + half), even = before, odd = before;
        int key = 0;
        for (; key <= keys - 2; key += 2)
        {
            even = Vector512.MaxNative(even, Vector512.Load(scores + (key * Lanes)));
            odd = Vector512.MaxNative(odd, Vector512.Load(scores + (key * Lanes) + Lanes));
        }

        if (key < keys)
        {
            even = Vector512.MaxNative(even, Vector512.Load(scores + (key * Lanes)));
        }

        Vector512<float> largest = Vector512.MaxNative(even, odd);
        if (Vector512.EqualsAll(largest, before))
        {
            return false;
        }

        // The first time this is exp2(-inf) = 0, and the sums it scales are still zero.
        Vector512<float> factor = VectorMath.Exp2(before - largest);
        factor.Store(_factor + half);
        (Vector512.Load(_sum + half) * factor).Store(_sum + half);
        largest.Store(_largest + half);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Exponentiate(float* scores, int keys, int half)
    {
        Vector512<float> largest = Vector512.Load(_largest + half), sum = Vector512<float>.Zero;
        for (int key = 0; key < keys; key++)
        {
            Vector512<float> weight = VectorMath.Exp2(Vector512.Load(scores + (key * Lanes)) - largest);
            weight.Store(scores + (key * Lanes));
            sum += weight;
        }

        (Vector512.Load(_sum + half) + sum).Store(_sum + half);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Rescale(float* sums, int rows, int half)
    {
        if (Vector128.IsHardwareAccelerated)
        {
            Vector512<float> factor = Vector512.Load(_factor + half);
            for (int row = 0; row < rows; row++)
            {
                (Vector512.Load(sums + (row * Lanes)) * factor).Store(sums + (row * Lanes));
            }

            return;
        }

        for (int row = 0; row < rows; row++)
        {
            for (int lane = 0; lane < 16; lane++)
            {
                sums[(row * Lanes) + lane] *= _factor[half + lane];
            }
        }
    }

    private void WeighLane(float* scores, int keys, float* sums, int rows, int lane)
    {
        float before = _largest[lane], largest = before;
        for (int key = 0; key < keys; key++)
        {
            largest = MathF.Max(largest, scores[key * Lanes]);
        }

        if (largest > before)
        {
            float factor = Exp2(before - largest);
            _largest[lane] = largest;
            _sum[lane] *= factor;
            for (int row = 0; row < rows; row++)
            {
                sums[row * Lanes] *= factor;
            }
        }

        for (int key = 0; key < keys; key++)
        {
            float weight = Exp2(scores[key * Lanes] - largest);
            scores[key * Lanes] = weight;
            _sum[lane] += weight;
        }
    }

    /// <summary>2^x for x up to 0: the whole part into the exponent, so that no accuracy is lost to a product with ln 2.</summary>
    private static float Exp2(float x)
    {
        if (!(x >= -126))
        {
            return float.IsNaN(x) ? x : 0;
        }

        int whole = (int)(x - 0.5f);
        return MathF.Exp((x - whole) * 0.69314718f) * BitConverter.Int32BitsToSingle((whole + 127) << 23);
    }
}
