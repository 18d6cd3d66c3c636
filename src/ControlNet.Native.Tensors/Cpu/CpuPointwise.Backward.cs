using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <content>Gradients of element by element functions; each reads and writes once.</content>
internal sealed unsafe partial class CpuPointwise
{
    public void ActivateBackward(Activation activation, BufferView x, BufferView dy, BufferView dx)
    {
        switch (activation)
        {
            case Activation.None: ActivateBackward<IdentityDerivative>(x, dy, dx); break;
            case Activation.Silu: ActivateBackward<SiluDerivative>(x, dy, dx); break;
            case Activation.Gelu: ActivateBackward<GeluDerivative>(x, dy, dx); break;
            case Activation.QuickGelu: ActivateBackward<QuickGeluDerivative>(x, dy, dx); break;
            case Activation.GeluTanh: ActivateBackward<GeluTanhDerivative>(x, dy, dx); break;
            case Activation.Sigmoid: ActivateBackward<SigmoidDerivative>(x, dy, dx); break;
            case Activation.Relu: ActivateBackward<ReluDerivative>(x, dy, dx); break;
            case Activation.Tanh: ActivateBackward<TanhDerivative>(x, dy, dx); break;
            default: throw new ArgumentOutOfRangeException(nameof(activation), activation, "unknown activation");
        }
    }

    public void GegluBackward(long rows, int columns, BufferView x, BufferView dy, BufferView dx)
    {
        GegluBackwardWork work = new()
        {
            X = x.Floats, DY = dy.Floats, DX = dx.Floats, Rows = rows, Columns = columns,
        };
        team.For(Partition.Items(rows, 2L * columns), ref work);
    }

    public void SquaredErrorBackward(
        float factor, BufferView x, BufferView target, BufferView dy, BufferView dx, BufferView dTarget)
    {
        SquaredErrorBackwardWork work = new()
        {
            Factor = 2 * factor * *dy.Floats,
            X = x.Floats,
            Target = target.Floats,
            DX = dx.IsNone ? null : dx.Floats,
            DTarget = dTarget.IsNone ? null : dTarget.Floats,
            Count = x.Count,
        };
        team.For(Partition.Items(x.Count, 1), ref work);
    }

    public void MovingAverage(float share, BufferView x, BufferView average)
    {
        MovingAverageWork work = new()
        {
            Share = share, X = x.Floats, Average = average.Floats, Count = x.Count,
        };
        team.For(Partition.Items(x.Count, 1), ref work);
    }

    private void ActivateBackward<TDerivative>(BufferView x, BufferView dy, BufferView dx)
        where TDerivative : struct, IDerivative
    {
        ActivateBackwardWork<TDerivative> work = new()
        {
            X = x.Floats, DY = dy.Floats, DX = dx.Floats, Count = x.Count,
        };
        team.For(Partition.Items(x.Count, 1), ref work);
    }

    private struct ActivateBackwardWork<TDerivative> : IParallelWork
        where TDerivative : struct, IDerivative
    {
        public float* X, DY, DX;
        public long Count;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int item, int worker)
        {
            (long i, long end) = Partition.Range(item, Count, 1);
            float* x = X;
            float* dy = DY;
            float* dx = DX;
            if (Vector128.IsHardwareAccelerated)
            {
                for (; i <= end - 16; i += 16)
                {
                    (TDerivative.Apply(Vector512.Load(x + i)) * Vector512.Load(dy + i)).Store(dx + i);
                }
            }

            for (; i < end; i++)
            {
                dx[i] = TDerivative.Apply(x[i]) * dy[i];
            }
        }
    }

    private struct GegluBackwardWork : IParallelWork
    {
        public float* X, DY, DX;
        public long Rows;
        public int Columns;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int item, int worker)
        {
            (long row, long end) = Partition.Range(item, Rows, 2L * Columns);
            int columns = Columns;
            for (; row < end; row++)
            {
                float* value = X + (row * 2 * columns);
                float* gate = value + columns;
                float* dy = DY + (row * columns);
                float* dValue = DX + (row * 2 * columns);
                float* dGate = dValue + columns;
                int c = 0;
                if (Vector128.IsHardwareAccelerated)
                {
                    for (; c <= columns - 16; c += 16)
                    {
                        Vector512<float> g = Vector512.Load(dy + c), v = Vector512.Load(value + c);
                        Vector512<float> gelu = VectorMath.GeluAndDerivative(
                            Vector512.Load(gate + c), out Vector512<float> derivative);
                        (g * gelu).Store(dValue + c);
                        (g * v * derivative).Store(dGate + c);
                    }
                }

                for (; c < columns; c++)
                {
                    (float v, float t) = (value[c], gate[c]);
                    dValue[c] = dy[c] * VectorMath.Gelu(t);
                    dGate[c] = dy[c] * v * VectorMath.GeluDerivative(t);
                }
            }
        }
    }

    private struct SquaredErrorBackwardWork : IParallelWork
    {
        public float Factor;
        public float* X, Target, DX, DTarget;
        public long Count;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int item, int worker)
        {
            (long i, long end) = Partition.Range(item, Count, 1);
            if (Vector128.IsHardwareAccelerated)
            {
                Vector512<float> factor = Vector512.Create(Factor);
                for (; i <= end - 16; i += 16)
                {
                    Vector512<float> g = (Vector512.Load(X + i) - Vector512.Load(Target + i)) * factor;
                    if (DX != null)
                    {
                        g.Store(DX + i);
                    }

                    if (DTarget != null)
                    {
                        (-g).Store(DTarget + i);
                    }
                }
            }

            for (; i < end; i++)
            {
                float g = (X[i] - Target[i]) * Factor;
                if (DX != null)
                {
                    DX[i] = g;
                }

                if (DTarget != null)
                {
                    DTarget[i] = -g;
                }
            }
        }
    }

    private struct MovingAverageWork : IParallelWork
    {
        public float Share;
        public float* X, Average;
        public long Count;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int item, int worker)
        {
            (long i, long end) = Partition.Range(item, Count, 1);
            if (Vector128.IsHardwareAccelerated)
            {
                Vector512<float> share = Vector512.Create(Share);
                for (; i <= end - 16; i += 16)
                {
                    Vector512<float> average = Vector512.Load(Average + i);
                    VectorMath.Fma(Vector512.Load(X + i) - average, share, average).Store(Average + i);
                }
            }

            for (; i < end; i++)
            {
                Average[i] += Share * (X[i] - Average[i]);
            }
        }
    }
}
