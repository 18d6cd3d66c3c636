using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// Online softmax of 32 queries at once, one to a lane, so that no step is horizontal. Scores come a tile of keys at a
/// time, already scaled by log2(e). Source: Milakov and Gimelshein, 2018, arXiv:1805.02867, algorithm 3.
/// </summary>
/// <remarks>
/// Memory: <see cref="StateFloats"/> floats, namely the largest score so far and the sum of weights of each lane.
/// </remarks>
internal readonly unsafe partial struct SoftmaxLanes(float* state)
{
    public const int Lanes = 32;
    public const int StateFloats = 2 * Lanes;

    private readonly float* _largest = state, _sum = state + Lanes;

    /// <summary>Forgets all scores.</summary>
    public void Reset()
    {
        new Span<float>(_largest, Lanes).Fill(float.NegativeInfinity);
        new Span<float>(_sum, Lanes).Clear();
    }

    /// <summary>
    /// Replaces scores <c>[keys][32]</c> by weights relative to the largest score so far, and scales what was summed
    /// with the weights before, <c>[rows][32]</c>, down to that. The first time there is nothing to scale.
    /// </summary>
    public void Weigh(float* scores, int keys, float* sums, int rows, bool first)
    {
        if (Avx512F.IsSupported)
        {
            WeighPair<Lanes16, Vector512<float>>(scores, keys, sums, rows, 0, first);
        }
        else if (Vector128.IsHardwareAccelerated)
        {
            WeighPair<Lanes8, Vector256<float>>(scores, keys, sums, rows, 0, first);
            WeighPair<Lanes8, Vector256<float>>(scores + 16, keys, sums + 16, rows, 16, first);
        }
        else
        {
            for (int lane = 0; lane < Lanes; lane++)
            {
                WeighLane(scores + lane, keys, sums + lane, rows, lane, first);
            }
        }
    }

    /// <summary>Of the first lanes the largest score, and log2 of the sum of the weights relative to it.</summary>
    public void Store(float* largest, float* logSum, int lanes)
    {
        for (int lane = 0; lane < lanes; lane++)
        {
            largest[lane] = _largest[lane];
            logSum[lane] = MathF.Log2(_sum[lane]);
        }
    }

    /// <summary>Divides <c>[rows][32]</c> by the sums of the weights; the state is spent.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Normalise(float* sums, int rows)
    {
        for (int lane = 0; lane < Lanes; lane++)
        {
            _sum[lane] = 1 / _sum[lane];
        }

        for (int row = 0; row < rows; row++)
        {
            float* sum = sums + ((long)row * Lanes);
            int lane = 0;
            for (; Vector128.IsHardwareAccelerated && lane < Lanes; lane += 8)
            {
                (Vector256.Load(sum + lane) * Vector256.Load(_sum + lane)).Store(sum + lane);
            }

            for (; lane < Lanes; lane++)
            {
                sum[lane] *= _sum[lane];
            }
        }
    }

    private void WeighLane(float* scores, int keys, float* sums, int rows, int lane, bool first)
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
            for (int row = 0; !first && row < rows; row++)
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

    /// <summary>
    /// 2^x for x up to 0: the whole part into the exponent, so that no accuracy is lost to a product with ln 2.
    /// </summary>
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
