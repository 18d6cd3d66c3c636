using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
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
            case Activation.GeluTanh: Activate<GeluTanh>(x, y); break;
            case Activation.Sigmoid: Activate<Sigmoid>(x, y); break;
            case Activation.Relu: Activate<Relu>(x, y); break;
            case Activation.Tanh: Activate<Tanh>(x, y); break;
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
        ActivateWork<TEpilogue> work = new()
        {
            X = x.Floats, Y = y.Floats, Count = x.Count, Streaming = StreamingStores.Pay(y.Floats, y.Count, 16),
        };
        team.For(Partition.Items(x.Count, 1), ref work);
    }

    private struct ActivateWork<TEpilogue> : IParallelWork
        where TEpilogue : struct, IEpilogue
    {
        public float* X, Y;
        public long Count;
        public bool Streaming;

        public readonly void Run(int item, int worker)
        {
            (long first, long end) = Partition.Range(item, Count, 1);
            if (Avx512F.IsSupported)
            {
                Loop<Lanes16, Vector512<float>>(X + first, Y + first, end - first, Streaming);
            }
            else if (Vector128.IsHardwareAccelerated)
            {
                Loop<Lanes8, Vector256<float>>(X + first, Y + first, end - first, Streaming);
            }
            else
            {
                for (long i = first; i < end; i++)
                {
                    Y[i] = TEpilogue.Apply(X[i]);
                }
            }

            StreamingStores.Fence(Streaming);
        }

        /// <summary>
        /// What is left over goes through a whole vector as well: an element's result may not depend on where the
        /// tensor ends.
        /// </summary>
        [SkipLocalsInit]
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Loop<TLanes, TVector>(float* x, float* y, long count, bool streaming)
            where TLanes : struct, ILanes<TVector>
        {
            long i = 0;
            if (streaming)
            {
                for (; i <= count - TLanes.Count; i += TLanes.Count)
                {
                    TLanes.StoreStreaming(TEpilogue.Apply<TLanes, TVector>(TLanes.Load(x + i)), y + i);
                }
            }

            for (; i <= count - TLanes.Count; i += TLanes.Count)
            {
                TLanes.Store(TEpilogue.Apply<TLanes, TVector>(TLanes.Load(x + i)), y + i);
            }

            if (i < count)
            {
                float* rest = stackalloc float[16];
                long bytes = (count - i) * sizeof(float);
                new Span<float>(rest, 16).Clear();
                Buffer.MemoryCopy(x + i, rest, bytes, bytes);
                TLanes.Store(TEpilogue.Apply<TLanes, TVector>(TLanes.Load(rest)), rest);
                Buffer.MemoryCopy(rest, y + i, bytes, bytes);
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

        public readonly void Run(int item, int worker)
        {
            (long i, long end) = Partition.Range(item, Count, 1);
            if (Avx512F.IsSupported)
            {
                i = Loop<Lanes16, Vector512<float>>(Factors, Terms, TermCount, Y, i, end);
            }
            else if (Vector128.IsHardwareAccelerated)
            {
                i = Loop<Lanes8, Vector256<float>>(Factors, Terms, TermCount, Y, i, end);
            }

            for (; i < end; i++)
            {
                float sum = Factors[0] * Terms[0][i];
                for (int t = 1; t < TermCount; t++)
                {
                    sum = float.MultiplyAddEstimate(Factors[t], Terms[t][i], sum);
                }

                Y[i] = sum;
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static long Loop<TLanes, TVector>(
            float* factors, float** terms, int count, float* y, long i, long end)
            where TLanes : struct, ILanes<TVector>
        {
            for (; i <= end - TLanes.Count; i += TLanes.Count)
            {
                TVector sum = TLanes.Multiply(TLanes.Create(factors[0]), TLanes.Load(terms[0] + i));
                for (int t = 1; t < count; t++)
                {
                    sum = TLanes.Fma(TLanes.Create(factors[t]), TLanes.Load(terms[t] + i), sum);
                }

                TLanes.Store(sum, y + i);
            }

            return i;
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
