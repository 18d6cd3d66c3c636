using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>One pass over parameter, gradient and both means: limited by memory.</summary>
internal sealed unsafe class CpuAdamW(WorkerTeam team) : IAdamWKernels
{
    public void Step(in AdamWDims d, BufferView gradient, BufferView parameter, BufferView mean, BufferView square)
    {
        StepWork work = new()
        {
            Dims = d, Gradient = gradient.Floats, Parameter = parameter.Floats, Mean = mean.Floats,
            Square = square.Floats,
        };
        team.For(Partition.Items(d.Count, 1), ref work);
    }

    private struct StepWork : IParallelWork
    {
        public AdamWDims Dims;
        public float* Gradient, Parameter, Mean, Square;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int item, int worker)
        {
            (long i, long end) = Partition.Range(item, Dims.Count, 1);
            AdamWDims d = Dims;
            if (Vector128.IsHardwareAccelerated)
            {
                for (; i <= end - 16; i += 16)
                {
                    Vector512<float> g = Vector512.Load(Gradient + i) * d.GradientScale;
                    Vector512<float> m = (Vector512.Load(Mean + i) * d.Beta1) + (g * d.Rest1);
                    Vector512<float> v = (Vector512.Load(Square + i) * d.Beta2) + (g * g * d.Rest2);
                    Vector512<float> root = (Vector512.Sqrt(v) * d.RootScale) + Vector512.Create(d.Eps);
                    Vector512<float> p = Vector512.Load(Parameter + i) * d.Keep;
                    m.Store(Mean + i);
                    v.Store(Square + i);
                    (p - (m * d.Rate / root)).Store(Parameter + i);
                }
            }

            for (; i < end; i++)
            {
                float g = Gradient[i] * d.GradientScale;
                Mean[i] = (Mean[i] * d.Beta1) + (g * d.Rest1);
                Square[i] = (Square[i] * d.Beta2) + (g * g * d.Rest2);
                float root = (MathF.Sqrt(Square[i]) * d.RootScale) + d.Eps;
                Parameter[i] = (Parameter[i] * d.Keep) - (Mean[i] * d.Rate / root);
            }
        }
    }
}
