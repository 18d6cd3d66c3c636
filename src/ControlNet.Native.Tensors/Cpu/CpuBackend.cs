using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>The SIMD backend. Kernels run on the calling thread and a fixed team of workers; nothing is deferred.</summary>
internal sealed unsafe class CpuBackend : Backend
{
    private readonly CpuMemory _memory = new();

    public CpuBackend(int threads = 0)
    {
        Threads = threads > 0 ? threads : Environment.ProcessorCount;
    }

    public int Threads { get; }

    public override string Name => "cpu";

    public override string Description => $"{Threads} threads";

    public override IPointwiseKernels Pointwise { get; } = new CpuPointwise();

    public override IMovementKernels Movement { get; } = new CpuMovement();

    public override IReduceKernels Reduce { get; } = new CpuReduce();

    public override IMatMulKernels MatMul { get; } = new CpuMatMul();

    public override IConv2dKernels Conv2d { get; } = new CpuConv2d();

    public override IGroupNormKernels GroupNorm { get; } = new CpuGroupNorm();

    public override IAttentionKernels Attention { get; } = new CpuAttention();

    public override long BytesInUse => _memory.BytesInUse;

    public override long BlocksInUse => _memory.BlocksInUse;

    public override MemoryBlock Allocate(long bytes) => _memory.Allocate(bytes);

    public override void Upload(ReadOnlySpan<byte> source, BufferView destination) =>
        source.CopyTo(new Span<byte>(destination.Address, checked((int)destination.Bytes)));

    public override void Download(BufferView source, Span<byte> destination) =>
        new ReadOnlySpan<byte>(source.Address, checked((int)source.Bytes)).CopyTo(destination);

    public override void Trim() => _memory.Trim();

    public override void Synchronize() { }

    public override void Dispose() => _memory.Dispose();
}
