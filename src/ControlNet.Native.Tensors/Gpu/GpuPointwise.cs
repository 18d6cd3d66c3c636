using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>Element by element functions: <c>kernels/pointwise.c</c>.</summary>
internal sealed partial class GpuPointwise(GpuLauncher launcher) : IPointwiseKernels
{
    private const int MaxTerms = 8;

    private static readonly KernelVariant[] s_activate = Kernels("pointwise_activate");
    private static readonly KernelVariant[] s_binary = Kernels("pointwise_binary");
    private static readonly KernelVariant[] s_linearCombination = Kernels("pointwise_linear_combination");
    private static readonly KernelVariant[] s_geglu = Kernels("pointwise_geglu");
    private static readonly KernelVariant s_cast = Kernel("pointwise_cast");

    public void Activate(Activation activation, BufferView x, BufferView y) =>
        launcher.Launch(s_activate.For(x.Type), GpuGrid.Elements(y.Count), x, y, y.Count, (int)activation);

    public void Binary(BinaryOperation operation, in BroadcastDims d, BufferView a, BufferView b, BufferView y)
    {
        BinaryAxes axes = new(d);
        launcher.Launch(
            s_binary.For(y.Type), GpuGrid.Elements(d.Count), a, b, y, d.Count, (int)operation, axes.Count,
            axes[0].Extent, axes[1].Extent, axes[2].Extent,
            axes[0].A, axes[1].A, axes[2].A, axes.Outer.A, axes[0].B, axes[1].B, axes[2].B, axes.Outer.B);
    }

    public void LinearCombination(ReadOnlySpan<float> factors, ReadOnlySpan<BufferView> terms, BufferView y)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(terms.Length, MaxTerms);
        Span<BufferView> t = new BufferView[MaxTerms];
        Span<float> f = stackalloc float[MaxTerms];
        terms.CopyTo(t);
        factors.CopyTo(f);
        launcher.Launch(
            s_linearCombination.For(y.Type), GpuGrid.Elements(y.Count), t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7],
            y, y.Count, terms.Length, f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7]);
    }

    public void Geglu(long rows, int columns, BufferView x, BufferView y) =>
        launcher.Launch(
            s_geglu.For(x.Type), GpuGrid.Elements(rows * columns), x, y, rows * columns, columns);

    public void Cast(BufferView x, BufferView y) =>
        launcher.Launch(s_cast, GpuGrid.Elements(y.Count), x, y, y.Count, TypeNumber(x.Type), TypeNumber(y.Type));

    private static KernelVariant Kernel(string entry) => new("pointwise", entry, GpuGrid.ElementBlock);

    private static KernelVariant[] Kernels(string entry) => GpuActivations.Variants(Kernel(entry));

    private static int TypeNumber(DType type) => type is DType.F32 or DType.F16 or DType.BF16
        ? (int)type
        : throw new ArgumentOutOfRangeException(nameof(type), type, "not a float type");

    /// <summary>One axis of a result: its extent, and the elements from a member to the next in each operand.</summary>
    private readonly record struct BinaryAxis(long Extent, long A, long B);

    /// <summary>
    /// The axes of a call from the innermost out, with neighbours merged where both operands run on evenly across them:
    /// equal shapes become one axis.
    /// </summary>
    private readonly struct BinaryAxes
    {
        private readonly BinaryAxis[] _axes = new BinaryAxis[Shape.MaxRank];

        public BinaryAxes(in BroadcastDims d)
        {
            ReadOnlySpan<BinaryAxis> all =
                [new(d.D3, d.A3, d.B3), new(d.D2, d.A2, d.B2), new(d.D1, d.A1, d.B1), new(d.D0, d.A0, d.B0)];
            foreach (BinaryAxis axis in all)
            {
                if (axis.Extent == 1)
                {
                    continue;
                }

                BinaryAxis inner = Count > 0 ? _axes[Count - 1] : default;
                if (Count > 0 && axis.A == inner.A * inner.Extent && axis.B == inner.B * inner.Extent)
                {
                    _axes[Count - 1] = inner with { Extent = inner.Extent * axis.Extent };
                }
                else
                {
                    _axes[Count++] = axis;
                }
            }
        }

        /// <summary>Axes that are left; none of a single element.</summary>
        public int Count { get; }

        public BinaryAxis Outer => _axes[Math.Max(0, Count - 1)];

        public BinaryAxis this[int axis] => _axes[axis];
    }
}
