using System;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>
/// A device without memory and arithmetic: the pool above it hands out the blocks it would hand out on the real one.
/// </summary>
/// <param name="planned">What it plans for.</param>
internal sealed class PlanningDriver(IGpuDriver planned) : IGpuDriver, IGpuRecorder
{
    private long _next;

    public string Name { get; } = planned.Name;

    public string Description { get; } =
        planned.HoldsData ? $"plans for {planned.Description}" : planned.Description;

    public GpuLimits Limits { get; } = planned.Limits;

    public bool HoldsData => false;

    public long? FreeBytes => null;

    public IGpuRecorder? Recorder => planned.Recorder is null ? null : this;

    public nint Allocate(long bytes) => (nint)(++_next);

    public void Free(nint memory)
    {
    }

    public nint Build(KernelVariant kernel) => 1;

    public void Launch(
        KernelVariant kernel, nint function, GridSize grid, ReadOnlySpan<KernelArgument> arguments)
    {
    }

    public void Upload(ReadOnlySpan<byte> source, nint memory, long offset)
    {
    }

    public void Download(nint memory, long offset, Span<byte> destination) => destination.Clear();

    public void Synchronize()
    {
    }

    public void BeginRecording()
    {
    }

    public nint EndRecording() => 1;

    public void AbandonRecording()
    {
    }

    public void QueueRecording(nint recording)
    {
    }

    public void FreeRecording(nint recording)
    {
    }

    public void Dispose()
    {
    }
}
