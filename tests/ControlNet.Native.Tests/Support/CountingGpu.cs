using System;
using System.Collections.Generic;
using ControlNet.Native.Tensors.Gpu;

namespace ControlNet.Native.Tests.Support;

/// <summary>A GPU of a few bytes that counts what is asked of it and computes nothing.</summary>
internal sealed class CountingGpu(long memoryBytes, long maxBlockBytes = long.MaxValue, int compute = 0)
    : IGpuDriver
{
    private readonly Dictionary<nint, long> _alive = [];
    private nint _next = 16;

    public string Name => "test:0";

    public string Description => "counts";

    public GpuLimits Limits { get; } =
        new(256, 32 << 10, 1, memoryBytes, maxBlockBytes, IsCpu: false, Compute: compute, HasTensorMaps: compute >= 90);

    public bool HoldsData => true;

    public IGpuRecorder? Recorder => null;

    public long? FreeBytes => Limits.MemoryBytes - HeldBytes;

    /// <summary>Bytes that were allocated and not freed.</summary>
    public long HeldBytes { get; private set; }

    public int Allocations { get; private set; }

    public int Synchronisations { get; private set; }

    public List<KernelVariant> Built { get; } = [];

    public List<(KernelVariant Kernel, GridSize Grid, KernelArgument[] Arguments)> Launched { get; } = [];

    public nint Allocate(long bytes)
    {
        if (bytes > FreeBytes || bytes > Limits.MaxBlockBytes)
        {
            return 0;
        }

        Allocations++;
        HeldBytes += bytes;
        _alive.Add(++_next, bytes);
        return _next;
    }

    public void Free(nint memory)
    {
        HeldBytes -= _alive[memory];
        _alive.Remove(memory);
    }

    public nint Build(KernelVariant kernel)
    {
        Built.Add(kernel);
        return Built.Count;
    }

    public void Launch(
        KernelVariant kernel, nint function, GridSize grid, ReadOnlySpan<KernelArgument> arguments) =>
        Launched.Add((kernel, grid, arguments.ToArray()));

    public void Upload(ReadOnlySpan<byte> source, nint memory, long offset)
    {
    }

    public void Download(nint memory, long offset, Span<byte> destination) => destination.Clear();

    public void Synchronize() => Synchronisations++;

    public void Dispose()
    {
    }
}
