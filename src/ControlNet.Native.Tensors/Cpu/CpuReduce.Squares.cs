using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <content>Sums of squares, in float64 throughout: one pass, and neither overflow nor loss of small terms.</content>
internal sealed unsafe partial class CpuReduce
{
    public void SquaredError(float factor, BufferView x, BufferView target, BufferView y) =>
        *y.Floats = (float)(factor * Squares(x, target.Floats));

    public void Norm(BufferView x, BufferView y) => *y.Floats = (float)Math.Sqrt(Squares(x, null));

    private double Squares(BufferView x, float* target)
    {
        int items = Partition.Items(x.Count, 1);
        double* sums = (double*)NativeMemory.Alloc((nuint)Math.Max(1, items), sizeof(double));
        try
        {
            SquaresWork work = new() { X = x.Floats, Target = target, Count = x.Count, Sums = sums };
            team.For(items, ref work);
            double sum = 0;
            for (int item = 0; item < items; item++)
            {
                sum += sums[item];
            }

            return sum;
        }
        finally
        {
            NativeMemory.Free(sums);
        }
    }

    private struct SquaresWork : IParallelWork
    {
        public float* X, Target;
        public long Count;

        /// <summary>One for each item.</summary>
        public double* Sums;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int item, int worker)
        {
            (long i, long end) = Partition.Range(item, Count, 1);
            double sum = 0;
            if (Vector128.IsHardwareAccelerated && end - i >= 16)
            {
                Vector512<double> low = Vector512<double>.Zero, high = Vector512<double>.Zero;
                for (; i <= end - 16; i += 16)
                {
                    Vector512<float> v = Vector512.Load(X + i);
                    v = Target == null ? v : v - Vector512.Load(Target + i);
                    (Vector512<double> a, Vector512<double> b) = Vector512.Widen(v);
                    low += a * a;
                    high += b * b;
                }

                sum = Vector512.Sum(low + high);
            }

            for (; i < end; i++)
            {
                double v = Target == null ? X[i] : X[i] - Target[i];
                sum += v * v;
            }

            Sums[item] = sum;
        }
    }
}
