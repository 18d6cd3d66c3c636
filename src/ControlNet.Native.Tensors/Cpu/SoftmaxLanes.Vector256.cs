using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ControlNet.Native.Tensors.Cpu;

/// <content>8 lanes at a time; the JIT splits them once more where registers have 128 bits.</content>
internal readonly unsafe partial struct SoftmaxLanes
{
    /// <summary>8 lanes, from <paramref name="lane"/> on; scores and sums already point there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Weigh8(float* scores, int keys, float* sums, int rows, int lane)
    {
        Vector256<float> before = Vector256.Load(_largest + lane), even = before, odd = before;
        int key = 0;
        for (; key <= keys - 2; key += 2)
        {
            even = Vector256.MaxNative(even, Vector256.Load(scores + (key * Lanes)));
            odd = Vector256.MaxNative(odd, Vector256.Load(scores + (key * Lanes) + Lanes));
        }

        if (key < keys)
        {
            even = Vector256.MaxNative(even, Vector256.Load(scores + (key * Lanes)));
        }

        Vector256<float> largest = Vector256.MaxNative(even, odd), sum = Vector256.Load(_sum + lane);
        if (!Vector256.EqualsAll(largest, before))
        {
            // The first time the factor is exp2(-inf) = 0, and what it scales is still zero.
            Vector256<float> factor = Exp2(before - largest);
            sum *= factor;
            for (int row = 0; row < rows; row++)
            {
                (Vector256.Load(sums + (row * Lanes)) * factor).Store(sums + (row * Lanes));
            }
        }

        for (key = 0; key < keys; key++)
        {
            Vector256<float> weight = Exp2(Vector256.Load(scores + (key * Lanes)) - largest);
            weight.Store(scores + (key * Lanes));
            sum += weight;
        }

        largest.Store(_largest + lane);
        sum.Store(_sum + lane);
    }

    /// <summary>2^x for x up to 0; 0 below -126, where a weight cannot matter.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Exp2(Vector256<float> x)
    {
        x = Vector256.MaxNative(Vector256.Create(-127f), x);
        Vector256<float> n = Vector256.Round(x), r = x - n;

        // 2^r on [-0.5, 0.5], the fit of VectorMath.Exp2.
        Vector256<float> p = Vector256.Create(1.537000125e-4f);
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(1.340117146e-3f));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(9.618383303e-3f));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(5.550325746e-2f));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(2.402264832e-1f));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256.Create(6.931472071e-1f));
        p = Vector256.MultiplyAddEstimate(p, r, Vector256<float>.One);

        // An exponent field of 0 makes the power, and so the product, zero.
        Vector256<int> exponent = Vector256.ConvertToInt32Native(n) + Vector256.Create(127);
        return p * (exponent << 23).AsSingle();
    }
}
