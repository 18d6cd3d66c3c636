using System;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Gpu;

namespace ControlNet.Native.Tests.Support;

/// <summary>
/// A <see cref="CountingGpu"/> of which one call fails: a build, a launch, a copy, a wait or a recording.
/// </summary>
internal sealed class FailingGpu(long memoryBytes) : IGpuDriver, IGpuRecorder
{
    private int _failsAt;
    private bool _isLoss;
    private bool _isLost;

    /// <summary>What it would be if nothing failed.</summary>
    public CountingGpu Gpu { get; } = new(memoryBytes);

    /// <summary>Calls that could fail, so far.</summary>
    public int Calls { get; private set; }

    /// <summary>Calls that came although the device was lost; freeing is none.</summary>
    public int CallsAfterLoss { get; private set; }

    public string Name => Gpu.Name;

    public string Description => Gpu.Description;

    public GpuLimits Limits => Gpu.Limits;

    public bool HoldsData => true;

    public IGpuRecorder? Recorder => Records ? this : null;

    /// <summary>Whether it can record; off unless a test is about that.</summary>
    public bool Records { get; init; }

    /// <summary>Recordings that were made and not freed, and one that is being made.</summary>
    public int Recordings { get; private set; }

    /// <summary>How often something recorded was queued.</summary>
    public int Replays { get; private set; }

    /// <summary>Whether launches are recorded now.</summary>
    public bool IsRecording { get; private set; }

    public long? FreeBytes => Gpu.FreeBytes;

    /// <summary>Has a later call fail.</summary>
    /// <param name="call">Which one: 1 for the next.</param>
    /// <param name="isLoss">Whether the device is lost then, or that call alone refused.</param>
    public void Fail(int call, bool isLoss) => (_failsAt, _isLoss) = (Calls + call, isLoss);

    public nint Allocate(long bytes)
    {
        CallsAfterLoss += _isLost ? 1 : 0;
        return Gpu.Allocate(bytes);
    }

    public void Free(nint memory) => Gpu.Free(memory);

    public nint Build(KernelVariant kernel)
    {
        Count("testBuild", kernel);
        return Gpu.Build(kernel);
    }

    public void Launch(KernelVariant kernel, nint function, GridSize grid, ReadOnlySpan<KernelArgument> arguments)
    {
        Count("testLaunch", kernel);
        Gpu.Launch(kernel, function, grid, arguments);
    }

    public void Upload(ReadOnlySpan<byte> source, nint memory, long offset) => Count("testUpload");

    public void Download(nint memory, long offset, Span<byte> destination)
    {
        Count("testDownload");
        destination.Clear();
    }

    public void Synchronize() => Count("testWait");

    public void BeginRecording()
    {
        Count("testBegin");
        IsRecording = true;
    }

    public nint EndRecording()
    {
        IsRecording = false;
        Count("testEnd");
        return ++Recordings;
    }

    public void AbandonRecording() => IsRecording = false;

    public void QueueRecording(nint recording)
    {
        Count("testReplay");
        Replays++;
    }

    public void FreeRecording(nint recording) => Recordings--;

    public void Dispose()
    {
    }

    private void Count(string operation, KernelVariant? kernel = null)
    {
        CallsAfterLoss += _isLost ? 1 : 0;
        if (++Calls == _failsAt)
        {
            _isLost = _isLoss;
            throw new GpuException(
                Name, operation, _isLoss ? 700 : 1, _isLoss ? "TEST_ILLEGAL_ADDRESS" : "TEST_INVALID_VALUE",
                kernel?.ToString(), null, _isLoss);
        }
    }
}
