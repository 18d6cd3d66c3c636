using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// What the gradients of attention do to tiles <c>[queries][32 keys]</c> element by element. A query is a row, so what
/// belongs to it is one number for all lanes.
/// </summary>
internal static unsafe class AttentionBackwardLanes
{
    private const int Lanes = AttentionBackwardLoop.Lanes;

    private const float Ln2 = 0.69314718f;

    /// <summary>scores = exp2(scores - largest - logSum), the weights.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Weigh(float* scores, float* largest, float* logSum, int rows)
    {
        for (int row = 0; row < rows; row++, scores += Lanes)
        {
            int lane = 0;
            for (; Vector128.IsHardwareAccelerated && lane < Lanes; lane += 16)
            {
                Vector512<float> s = Vector512.Load(scores + lane) - Vector512.Create(largest[row]);
                VectorMath.Exp2(s - Vector512.Create(logSum[row])).Store(scores + lane);
            }

            for (; lane < Lanes; lane++)
            {
                scores[lane] = MathF.Exp(Ln2 * (scores[lane] - largest[row] - logSum[row]));
            }
        }
    }

    /// <summary>
    /// scores become weights as in the other overload, and gradients, those of the weights, become those of the scores:
    /// weight (gradient - delta).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Weigh(float* scores, float* gradients, float* largest, float* logSum, float* delta, int rows)
    {
        for (int row = 0; row < rows; row++, scores += Lanes, gradients += Lanes)
        {
            int lane = 0;
            for (; Vector128.IsHardwareAccelerated && lane < Lanes; lane += 16)
            {
                Vector512<float> s = Vector512.Load(scores + lane) - Vector512.Create(largest[row]);
                Vector512<float> weight = VectorMath.Exp2(s - Vector512.Create(logSum[row]));
                weight.Store(scores + lane);
                (weight * (Vector512.Load(gradients + lane) - Vector512.Create(delta[row]))).Store(gradients + lane);
            }

            for (; lane < Lanes; lane++)
            {
                float weight = MathF.Exp(Ln2 * (scores[lane] - largest[row] - logSum[row]));
                scores[lane] = weight;
                gradients[lane] = weight * (gradients[lane] - delta[row]);
            }
        }
    }

    /// <summary>target <c>[rows][width]</c> = factor * source, whose rows are stride floats apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scale(float* source, long stride, int rows, int width, float factor, float* target)
    {
        for (int row = 0; row < rows; row++, source += stride, target += width)
        {
            int c = 0;
            for (; Vector128.IsHardwareAccelerated && c <= width - 8; c += 8)
            {
                (Vector256.Load(source + c) * factor).Store(target + c);
            }

            for (; c < width; c++)
            {
                target[c] = source[c] * factor;
            }
        }
    }

    /// <summary>sum of a b</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Dot(float* a, float* b, int count)
    {
        int i = 0;
        float sum = 0;
        if (Vector128.IsHardwareAccelerated && count >= 8)
        {
            Vector256<float> lanes = Vector256<float>.Zero;
            for (; i <= count - 8; i += 8)
            {
                lanes = Vector256.MultiplyAddEstimate(Vector256.Load(a + i), Vector256.Load(b + i), lanes);
            }

            sum = Vector256.Sum(lanes);
        }

        for (; i < count; i++)
        {
            sum += a[i] * b[i];
        }

        return sum;
    }
}
