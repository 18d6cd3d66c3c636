using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// A <see cref="CpuBackend"/> without elements and arithmetic: the same pool hands out the same blocks in the same
/// order, so the peak is that of the real one.
/// </summary>
internal sealed class CpuPlanningBackend : Backend
{
    private readonly CpuMemory _memory = new(new ImaginedHostMemory());
    private readonly CpuPlanningKernels _kernels;
    private readonly ForcedImplementations _forced;

    /// <param name="description">Of the backend it plans for.</param>
    /// <param name="forced">Which implementations that backend pins.</param>
    public CpuPlanningBackend(string description, ForcedImplementations forced)
    {
        Description = $"plans for {description}";
        _forced = forced;
        _kernels = new CpuPlanningKernels(_memory, forced.Conv2d);
    }

    public override string Name => "cpu";

    public override string Description { get; }

    public override bool HoldsData => false;

    public override IPointwiseKernels Pointwise => _kernels;

    public override IMovementKernels Movement => _kernels;

    public override IReduceKernels Reduce => _kernels;

    public override IMatMulKernels MatMul => _kernels;

    public override IConv2dKernels Conv2d => _kernels;

    public override IGroupNormKernels GroupNorm => _kernels;

    public override IAttentionKernels Attention => _kernels;

    public override IAdamWKernels AdamW => _kernels;

    public override long BytesInUse => _memory.BytesInUse;

    public override long BlocksInUse => _memory.BlocksInUse;

    public override long PeakBytesInUse => _memory.PeakBytesInUse;

    public override long PeakBytes => _memory.PeakBytes;

    public override Backend CreatePlanner() => new CpuPlanningBackend(Description, _forced);

    public override MemoryBlock Allocate(long bytes) => _memory.Allocate(bytes);

    public override void Upload(ReadOnlySpan<byte> source, BufferView destination)
    {
    }

    public override void Download(BufferView source, Span<byte> destination) => destination.Clear();

    public override void Trim() => _memory.Trim();

    public override void Synchronize()
    {
    }

    public override void Dispose() => _memory.Dispose();
}
