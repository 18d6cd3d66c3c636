using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>Element by element functions. All are limited by memory, so each reads and writes once.</summary>
internal sealed unsafe partial class CpuPointwise(WorkerTeam team) : IPointwiseKernels
{
    private const int MaxTerms = 8;

    public void Activate(Activation activation, BufferView x, BufferView y)
    {
        switch (activation)
        {
            case Activation.None: Activate<Identity>(x, y); break;
            case Activation.Silu: Activate<Silu>(x, y); break;
            case Activation.Gelu: Activate<Gelu>(x, y); break;
            case Activation.QuickGelu: Activate<QuickGelu>(x, y); break;
            default: throw new ArgumentOutOfRangeException(nameof(activation), activation, "unknown activation");
        }
    }

    public void LinearCombination(ReadOnlySpan<float> factors, ReadOnlySpan<BufferView> terms, BufferView y)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(terms.Length, MaxTerms);
        float* factorsHere = stackalloc float[MaxTerms];
        float** termsHere = stackalloc float*[MaxTerms];
        for (int t = 0; t < terms.Length; t++)
        {
            factorsHere[t] = factors[t];
            termsHere[t] = terms[t].Floats;
        }

        LinearCombinationWork work = new()
        {
            Factors = factorsHere, Terms = termsHere, TermCount = terms.Length, Y = y.Floats, Count = y.Count,
        };
        team.For(Partition.Items(y.Count, 1), ref work);
    }

    public void Geglu(long rows, int columns, BufferView x, BufferView y)
    {
        GegluWork work = new() { X = x.Floats, Y = y.Floats, Rows = rows, Columns = columns };
        team.For(Partition.Items(rows, 2L * columns), ref work);
    }

    public void Cast(BufferView x, BufferView y)
    {
        switch (x.Type)
        {
            case DType.F32: CastFrom<Binary32>(x, y); break;
            case DType.F16: CastFrom<Binary16>(x, y); break;
            case DType.BF16: CastFrom<Brain16>(x, y); break;
            default: throw new ArgumentOutOfRangeException(nameof(x), x.Type, "not a float type");
        }
    }

    private void CastFrom<TSource>(BufferView x, BufferView y)
        where TSource : struct, IElement
    {
        switch (y.Type)
        {
            case DType.F32: Cast<TSource, Binary32>(x, y); break;
            case DType.F16: Cast<TSource, Binary16>(x, y); break;
            case DType.BF16: Cast<TSource, Brain16>(x, y); break;
            default: throw new ArgumentOutOfRangeException(nameof(y), y.Type, "not a float type");
        }
    }

    private void Cast<TSource, TTarget>(BufferView x, BufferView y)
        where TSource : struct, IElement
        where TTarget : struct, IElement
    {
        CastWork<TSource, TTarget> work = new() { X = (byte*)x.Address, Y = (byte*)y.Address, Count = x.Count };
        team.For(Partition.Items(x.Count, 1), ref work);
    }

    private void Activate<TEpilogue>(BufferView x, BufferView y)
        where TEpilogue : struct, IEpilogue
    {
        ActivateWork<TEpilogue> work = new() { X = x.Floats, Y = y.Floats, Count = x.Count };
        team.For(Partition.Items(x.Count, 1), ref work);
    }

    private struct ActivateWork<TEpilogue> : IParallelWork
        where TEpilogue : struct, IEpilogue
    {
        public float* X, Y;
        public long Count;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int item, int worker)
        {
            (long i, long end) = Partition.Range(item, Count, 1);
            float* x = X;
            float* y = Y;
            if (Vector128.IsHardwareAccelerated)
            {
                for (; i <= end - 16; i += 16)
                {
                    TEpilogue.Apply(Vector512.Load(x + i)).Store(y + i);
                }
            }

            for (; i < end; i++)
            {
                y[i] = TEpilogue.Apply(x[i]);
            }
        }
    }

    private struct LinearCombinationWork : IParallelWork
    {
        public float* Factors;
        public float** Terms;
        public int TermCount;
        public float* Y;
        public long Count;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int item, int worker)
        {
            (long i, long end) = Partition.Range(item, Count, 1);
            float* factors = Factors;
            float** terms = Terms;
            float* y = Y;
            int count = TermCount;
            if (Vector128.IsHardwareAccelerated)
            {
                for (; i <= end - 16; i += 16)
                {
                    Vector512<float> sum = Vector512.Create(factors[0]) * Vector512.Load(terms[0] + i);
                    for (int t = 1; t < count; t++)
                    {
                        sum = VectorMath.Fma(Vector512.Create(factors[t]), Vector512.Load(terms[t] + i), sum);
                    }

                    sum.Store(y + i);
                }
            }

            for (; i < end; i++)
            {
                float sum = factors[0] * terms[0][i];
                for (int t = 1; t < count; t++)
                {
                    sum += factors[t] * terms[t][i];
                }

                y[i] = sum;
            }
        }
    }

    private struct GegluWork : IParallelWork
    {
        public float* X, Y;
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
                float* y = Y + (row * columns);
                int c = 0;
                if (Vector128.IsHardwareAccelerated)
                {
                    for (; c <= columns - 16; c += 16)
                    {
                        (Vector512.Load(value + c) * VectorMath.Gelu(Vector512.Load(gate + c))).Store(y + c);
                    }
                }

                for (; c < columns; c++)
                {
                    y[c] = value[c] * VectorMath.Gelu(gate[c]);
                }
            }
        }
    }

    private struct CastWork<TSource, TTarget> : IParallelWork
        where TSource : struct, IElement
        where TTarget : struct, IElement
    {
        public byte* X, Y;
        public long Count;

        public readonly void Run(int item, int worker)
        {
            (long first, long end) = Partition.Range(item, Count, 1);
            HalfLanes.Convert<TSource, TTarget>(X + (first * TSource.Bytes), Y + (first * TTarget.Bytes), end - first);
        }
    }
}
