using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <content>GEGLU: one half of each row times GELU of the other.</content>
internal sealed unsafe partial class CpuPointwise
{
    public void Geglu(long rows, int columns, BufferView x, BufferView y)
    {
        GegluWork work = new()
        {
            X = x.Floats, Y = y.Floats, Rows = rows, Columns = columns,
            Streaming = StreamingStores.Pay(y.Floats, y.Count, columns),
        };
        team.For(Partition.Items(rows, 2L * columns), ref work);
    }

    private struct GegluWork : IParallelWork
    {
        public float* X, Y;
        public long Rows;
        public int Columns;
        public bool Streaming;

        /// <summary>
        /// Elements formed on the stack before they are stored past the caches, and how far ahead x is asked for: 8 KiB
        /// do better than 4 here, where two streams are read.
        /// </summary>
        private const int Waiting = 1024, AheadFloats = 2048;

        public readonly void Run(int item, int worker)
        {
            (long row, long end) = Partition.Range(item, Rows, 2L * Columns);
            for (; row < end; row++)
            {
                float* value = X + (row * 2 * Columns);
                float* gate = value + Columns;
                float* y = Y + (row * Columns);
                int c = 0;
                if (Avx512F.IsSupported)
                {
                    c = Loop<Lanes16, Vector512<float>>(value, gate, y, Columns, Streaming);
                }
                else if (Vector128.IsHardwareAccelerated)
                {
                    c = Loop<Lanes8, Vector256<float>>(value, gate, y, Columns, Streaming);
                }

                for (; c < Columns; c++)
                {
                    y[c] = value[c] * VectorMath.Gelu(gate[c]);
                }
            }

            StreamingStores.Fence(Streaming);
        }

        [SkipLocalsInit]
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static int Loop<TLanes, TVector>(float* value, float* gate, float* y, int columns, bool streaming)
            where TLanes : struct, ILanes<TVector>
        {
            if (!streaming)
            {
                return Part<TLanes, TVector>(value, gate, y, columns);
            }

            float* waiting = stackalloc float[Waiting];
            for (int c = 0; c < columns; c += Waiting)
            {
                int count = Math.Min(Waiting, columns - c);
                Part<TLanes, TVector>(value + c, gate + c, waiting, count);
                StreamingStores.Move<TLanes, TVector>(waiting, y + c, count);
            }

            return columns;
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static int Part<TLanes, TVector>(float* value, float* gate, float* y, int columns)
            where TLanes : struct, ILanes<TVector>
        {
            int c = 0;
            for (; c <= columns - TLanes.Count; c += TLanes.Count)
            {
                TLanes.PrefetchLine(value + c + AheadFloats);
                TLanes.PrefetchLine(gate + c + AheadFloats);
                TVector opened = VectorMath.Gelu<TLanes, TVector>(TLanes.Load(gate + c));
                TLanes.Store(TLanes.Multiply(TLanes.Load(value + c), opened), y + c);
            }

            return c;
        }
    }
}
