using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <content>Functions of two operands that broadcast against each other.</content>
internal sealed unsafe partial class CpuPointwise
{
    /// <summary>A function of two values as a struct type argument.</summary>
    private interface IBinary
    {
        static abstract float Apply(float a, float b);

        static abstract Vector512<float> Apply(Vector512<float> a, Vector512<float> b);
    }

    public void Binary(BinaryOperation operation, in BroadcastDims d, BufferView a, BufferView b, BufferView y)
    {
        BinaryLayout layout = new(d);
        switch (operation)
        {
            case BinaryOperation.Add: Binary<Sum>(layout, a, b, y); break;
            case BinaryOperation.Subtract: Binary<Difference>(layout, a, b, y); break;
            case BinaryOperation.Multiply: Binary<Product>(layout, a, b, y); break;
            default: throw new ArgumentOutOfRangeException(nameof(operation), operation, "unknown operation");
        }
    }

    private void Binary<TBinary>(in BinaryLayout layout, BufferView a, BufferView b, BufferView y)
        where TBinary : struct, IBinary
    {
        BinaryWork<TBinary> work = new() { Layout = layout, A = a.Floats, B = b.Floats, Y = y.Floats };
        team.For(Partition.Items(layout.Count, 1), ref work);
    }

    private readonly struct Sum : IBinary
    {
        public static float Apply(float a, float b) => a + b;

        public static Vector512<float> Apply(Vector512<float> a, Vector512<float> b) => a + b;
    }

    private readonly struct Difference : IBinary
    {
        public static float Apply(float a, float b) => a - b;

        public static Vector512<float> Apply(Vector512<float> a, Vector512<float> b) => a - b;
    }

    private readonly struct Product : IBinary
    {
        public static float Apply(float a, float b) => a * b;

        public static Vector512<float> Apply(Vector512<float> a, Vector512<float> b) => a * b;
    }

    /// <summary>
    /// The axes of a call with neighbours merged where both operands run on evenly across them: equal shapes become one
    /// run, and the last axis left is as long as it can be. There each operand steps by 1 or repeats one element.
    /// </summary>
    private struct BinaryLayout
    {
        private fixed long _extents[Shape.MaxRank];
        private fixed long _stepsA[Shape.MaxRank];
        private fixed long _stepsB[Shape.MaxRank];
        private readonly int _axes;

        public BinaryLayout(in BroadcastDims d)
        {
            Count = d.Count;
            ReadOnlySpan<int> extents = [d.D0, d.D1, d.D2, d.D3];
            ReadOnlySpan<int> stepsA = [d.A0, d.A1, d.A2, d.A3];
            ReadOnlySpan<int> stepsB = [d.B0, d.B1, d.B2, d.B3];

            // From the last axis outwards; entry 0 is the innermost.
            for (int axis = Shape.MaxRank - 1; axis >= 0; axis--)
            {
                if (extents[axis] == 1)
                {
                    continue;
                }

                int inner = _axes - 1;
                if (inner >= 0
                    && stepsA[axis] == _stepsA[inner] * _extents[inner]
                    && stepsB[axis] == _stepsB[inner] * _extents[inner])
                {
                    _extents[inner] *= extents[axis];
                    continue;
                }

                (_extents[_axes], _stepsA[_axes], _stepsB[_axes]) = (extents[axis], stepsA[axis], stepsB[axis]);
                _axes++;
            }

            if (_axes == 0)
            {
                _extents[_axes++] = 1;
            }
        }

        public readonly long Count { get; }

        public readonly long RunLength => _extents[0];

        public readonly bool RepeatsA => _stepsA[0] == 0;

        public readonly bool RepeatsB => _stepsB[0] == 0;

        /// <summary>Where run number <paramref name="run"/> starts in each operand.</summary>
        public readonly (long A, long B) Start(long run)
        {
            long a = 0, b = 0;
            for (int axis = 1; axis < _axes; axis++)
            {
                (run, long at) = Math.DivRem(run, _extents[axis]);
                a += at * _stepsA[axis];
                b += at * _stepsB[axis];
            }

            return (a, b);
        }
    }

    private struct BinaryWork<TBinary> : IParallelWork
        where TBinary : struct, IBinary
    {
        public BinaryLayout Layout;
        public float* A, B, Y;

        public readonly void Run(int item, int worker)
        {
            (long at, long end) = Partition.Range(item, Layout.Count, 1);
            long length = Layout.RunLength;
            (bool repeatsA, bool repeatsB) = (Layout.RepeatsA, Layout.RepeatsB);
            while (at < end)
            {
                (long run, long column) = Math.DivRem(at, length);
                (long startA, long startB) = Layout.Start(run);
                long count = Math.Min(length - column, end - at);
                float* a = A + startA + (repeatsA ? 0 : column);
                float* b = B + startB + (repeatsB ? 0 : column);
                if (repeatsA)
                {
                    RepeatA(*a, b, Y + at, count);
                }
                else if (repeatsB)
                {
                    RepeatB(a, *b, Y + at, count);
                }
                else
                {
                    Both(a, b, Y + at, count);
                }

                at += count;
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Both(float* a, float* b, float* y, long count)
        {
            long i = 0;
            if (Vector128.IsHardwareAccelerated)
            {
                for (; i <= count - 16; i += 16)
                {
                    TBinary.Apply(Vector512.Load(a + i), Vector512.Load(b + i)).Store(y + i);
                }
            }

            for (; i < count; i++)
            {
                y[i] = TBinary.Apply(a[i], b[i]);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void RepeatA(float a, float* b, float* y, long count)
        {
            long i = 0;
            if (Vector128.IsHardwareAccelerated)
            {
                Vector512<float> repeated = Vector512.Create(a);
                for (; i <= count - 16; i += 16)
                {
                    TBinary.Apply(repeated, Vector512.Load(b + i)).Store(y + i);
                }
            }

            for (; i < count; i++)
            {
                y[i] = TBinary.Apply(a, b[i]);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void RepeatB(float* a, float b, float* y, long count)
        {
            long i = 0;
            if (Vector128.IsHardwareAccelerated)
            {
                Vector512<float> repeated = Vector512.Create(b);
                for (; i <= count - 16; i += 16)
                {
                    TBinary.Apply(Vector512.Load(a + i), repeated).Store(y + i);
                }
            }

            for (; i < count; i++)
            {
                y[i] = TBinary.Apply(a[i], b);
            }
        }
    }
}
