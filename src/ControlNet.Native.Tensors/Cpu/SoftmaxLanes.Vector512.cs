using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ControlNet.Native.Tensors.Cpu;

/// <content>16 lanes at a time, where registers are that wide.</content>
internal readonly unsafe partial struct SoftmaxLanes
{
    /// <summary>16 lanes, from <paramref name="lane"/> on; scores and sums already point there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Weigh16(float* scores, int keys, float* sums, int rows, int lane)
    {
        Vector512<float> before = Vector512.Load(_largest + lane), even = before, odd = before;
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

        Vector512<float> largest = Vector512.MaxNative(even, odd), sum = Vector512.Load(_sum + lane);
        if (!Vector512.EqualsAll(largest, before))
        {
            // The first time the factor is exp2(-inf) = 0, and what it scales is still zero.
            Vector512<float> factor = VectorMath.Exp2(before - largest);
            sum *= factor;
            for (int row = 0; row < rows; row++)
            {
                (Vector512.Load(sums + (row * Lanes)) * factor).Store(sums + (row * Lanes));
            }
        }

        for (key = 0; key < keys; key++)
        {
            Vector512<float> weight = VectorMath.Exp2(Vector512.Load(scores + (key * Lanes)) - largest);
            weight.Store(scores + (key * Lanes));
            sum += weight;
        }

        largest.Store(_largest + lane);
        sum.Store(_sum + lane);
    }
}
