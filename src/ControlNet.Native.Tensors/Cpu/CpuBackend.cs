using System;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// The SIMD backend. Kernels run on the calling thread and a fixed team of workers; nothing is deferred.
/// </summary>
internal sealed unsafe class CpuBackend : Backend
{
    private readonly CpuMemory _memory = new(new NativeHostMemory());
    private readonly WorkerTeam _team;
    private readonly ForcedImplementations _forced;

    /// <summary>Starts the threads.</summary>
    /// <param name="threads">How many compute, the caller included; 0 means one for each processor.</param>
    /// <param name="forced">Which implementations are pinned; when not given, those of the environment.</param>
    /// <exception cref="DeviceException">The environment pins something unknown.</exception>
    public CpuBackend(int threads = 0, ForcedImplementations? forced = null)
    {
        _forced = forced ?? ForcedImplementations.FromEnvironment();
        _team = new WorkerTeam(threads > 0 ? threads : Environment.ProcessorCount);
        Pointwise = new CpuPointwise(_team);
        Movement = new CpuMovement(_team);
        Reduce = new CpuReduce(_team);
        MatMul = new CpuMatMul(_team, _memory);
        Conv2d = new CpuConv2d(_team, _memory, _forced.Conv2d);
        GroupNorm = new CpuGroupNorm(_team);
        Attention = new CpuAttention(_team, _memory);
        AdamW = new CpuAdamW(_team);
    }

    public int Threads => _team.Threads;

    public override string Name => "cpu";

    public override string Description => $"{InstructionSet}, {Threads} thread{(Threads == 1 ? "" : "s")}";

    public override IPointwiseKernels Pointwise { get; }

    public override IMovementKernels Movement { get; }

    public override IReduceKernels Reduce { get; }

    public override IMatMulKernels MatMul { get; }

    public override IConv2dKernels Conv2d { get; }

    public override IGroupNormKernels GroupNorm { get; }

    public override IAttentionKernels Attention { get; }

    public override IAdamWKernels AdamW { get; }

    private static string InstructionSet =>
        Avx512F.IsSupported ? "AVX-512"
        : Fma.IsSupported && Avx2.IsSupported ? "AVX2"
        : Vector128.IsHardwareAccelerated ? "128-bit vectors"
        : "scalar code";

    public override long BytesInUse => _memory.BytesInUse;

    public override long BlocksInUse => _memory.BlocksInUse;

    public override long PeakBytesInUse => _memory.PeakBytesInUse;

    public override long PeakBytes => _memory.PeakBytes;

    public override Backend CreatePlanner() => new CpuPlanningBackend(Description, _forced);

    public override MemoryBlock Allocate(long bytes) => _memory.Allocate(bytes);

    public override void Upload(ReadOnlySpan<byte> source, BufferView destination) =>
        source.CopyTo(new Span<byte>(destination.Address, checked((int)destination.Bytes)));

    public override void Download(BufferView source, Span<byte> destination) =>
        new ReadOnlySpan<byte>(source.Address, checked((int)source.Bytes)).CopyTo(destination);

    public override void Trim() => _memory.Trim();

    public override void Synchronize() { }

    public override void Dispose()
    {
        _team.Dispose();
        _memory.Dispose();
    }
}
