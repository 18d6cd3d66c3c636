using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// What the gradients of attention do to tiles <c>[queries][32 keys]</c> element by element. A query is a row, so what
/// belongs to it is one number for all lanes.
/// </summary>
internal static unsafe class AttentionBackwardLanes
{
    private const int Lanes = AttentionBackwardLoop.Lanes;

    /// <summary>scores = exp2(scores - log), the weights.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Weigh(float* scores, float* log, int rows)
    {
        for (int row = 0; row < rows; row++, scores += Lanes)
        {
            int lane = 0;
            for (; Avx512F.IsSupported && lane < Lanes; lane += 16)
            {
                Vector512<float> s = Vector512.Load(scores + lane) - Vector512.Create(log[row]);
                VectorMath.Exp2(s).Store(scores + lane);
            }

            for (; Vector128.IsHardwareAccelerated && lane < Lanes; lane += 8)
            {
                Vector256<float> s = Vector256.Load(scores + lane) - Vector256.Create(log[row]);
                SoftmaxLanes.Exp2(s).Store(scores + lane);
            }

            for (; lane < Lanes; lane++)
            {
                scores[lane] = SoftmaxLanes.Exp2(scores[lane] - log[row]);
            }
        }
    }

    /// <summary>
    /// scores become weights as in the other overload, and gradients, those of the weights, become those of the scores:
    /// weight (gradient - delta).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Weigh(float* scores, float* gradients, float* log, float* delta, int rows)
    {
        for (int row = 0; row < rows; row++, scores += Lanes, gradients += Lanes)
        {
            int lane = 0;
            for (; Avx512F.IsSupported && lane < Lanes; lane += 16)
            {
                Vector512<float> s = Vector512.Load(scores + lane) - Vector512.Create(log[row]);
                Vector512<float> weight = VectorMath.Exp2(s);
                weight.Store(scores + lane);
                (weight * (Vector512.Load(gradients + lane) - Vector512.Create(delta[row]))).Store(gradients + lane);
            }

            for (; Vector128.IsHardwareAccelerated && lane < Lanes; lane += 8)
            {
                Vector256<float> s = Vector256.Load(scores + lane) - Vector256.Create(log[row]);
                Vector256<float> weight = SoftmaxLanes.Exp2(s);
                weight.Store(scores + lane);
                (weight * (Vector256.Load(gradients + lane) - Vector256.Create(delta[row]))).Store(gradients + lane);
            }

            for (; lane < Lanes; lane++)
            {
                float weight = SoftmaxLanes.Exp2(scores[lane] - log[row]);
                scores[lane] = weight;
                gradients[lane] = weight * (gradients[lane] - delta[row]);
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
