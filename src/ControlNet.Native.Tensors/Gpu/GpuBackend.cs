using System;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tensors.Gpu.Tuning;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>
/// The backend of every GPU: one set of kernels and launchers over the driver of a vendor. Calls are queued; copies to
/// the host wait.
/// </summary>
internal sealed class GpuBackend : Backend
{
    private readonly GuardedDriver _driver;
    private readonly GpuMemory _memory;
    private readonly GpuLauncher _launcher;
    private readonly long? _budgetBytes;
    private readonly bool? _records;

    /// <summary>Null where nothing is recorded: not by this driver, or not by the user's wish.</summary>
    private readonly IGpuRecorder? _recorder;

    /// <param name="driver">An open device; it belongs to the backend.</param>
    /// <param name="budgetBytes">The most device memory to hold at once; when not given, all there is.</param>
    /// <param name="records">
    /// Whether work is recorded where the driver can; when not given, unless <c>CONTROLNET_GRAPHS=none</c> or
    /// <c>CONTROLNET_SYNC=1</c> says otherwise.
    /// </param>
    public GpuBackend(IGpuDriver driver, long? budgetBytes = null, bool? records = null)
    {
        _driver = new GuardedDriver(driver);
        _budgetBytes = budgetBytes;
        _memory = new GpuMemory(_driver, driver.HoldsData ? budgetBytes : long.MaxValue);
        GpuLauncher launcher = new(_driver, _memory);
        _launcher = launcher;
        _records = records;
        bool wanted = records ?? Environment.GetEnvironmentVariable("CONTROLNET_GRAPHS") != "none";
        _recorder = wanted && !launcher.IsSynchronous ? _driver.Recorder : null;
        Pointwise = new GpuPointwise(launcher);
        Movement = new GpuMovement(launcher);
        Reduce = new GpuReduce(launcher);
        MatMul = new GpuMatMul(launcher);
        Conv2d = new GpuConv2d(launcher);
        GroupNorm = new GpuGroupNorm(launcher);
        Attention = new GpuAttention(launcher);
        AdamW = new GpuAdamW(launcher);
    }

    public override string Name => _driver.Name;

    public override string Description => _driver.Description;

    public override IPointwiseKernels Pointwise { get; }

    public override IMovementKernels Movement { get; }

    public override IReduceKernels Reduce { get; }

    public override IMatMulKernels MatMul { get; }

    public override IConv2dKernels Conv2d { get; }

    public override IGroupNormKernels GroupNorm { get; }

    public override IAttentionKernels Attention { get; }

    public override IAdamWKernels AdamW { get; }

    public override long BytesInUse => _memory.BytesInUse;

    public override long BlocksInUse => _memory.BlocksInUse;

    public override long PeakBytesInUse => _memory.PeakBytesInUse;

    public override long PeakBytes => _memory.PeakBytes;

    public override bool HoldsData => _driver.HoldsData;

    public GpuLimits Limits => _driver.Limits;

    /// <summary>Which tiles products are made of.</summary>
    public TileTable Tiles
    {
        get => _launcher.Tiles;
        set => _launcher.Tiles = value;
    }

    public override bool SupportsActivations(DType type) => type is DType.F32 or DType.F16;

    public override Backend CreatePlanner() => new GpuBackend(
        new PlanningDriver(_driver), _budgetBytes, _records);

    public override bool CanRecord => _recorder is not null;

    public override MemoryBlock Allocate(long bytes) => _memory.Allocate(bytes);

    public override void Upload(ReadOnlySpan<byte> source, BufferView destination)
    {
        if (source.Length > 0)
        {
            (nint memory, long start) = Place(destination);
            _driver.Upload(source, memory, start);
        }
    }

    public override void Download(BufferView source, Span<byte> destination)
    {
        if (destination.Length > 0)
        {
            (nint memory, long start) = Place(source);
            _driver.Download(memory, start, destination);
        }
    }

    public override RecordedWork? Record(Action work)
    {
        if (_recorder is null)
        {
            return null;
        }

        long blocks = _memory.BlocksInUse;
        _memory.BeginHold();
        try
        {
            _recorder.BeginRecording();
            work();
            if (_memory.BlocksInUse > blocks + 1)
            {
                throw new InvalidOperationException(
                    $"{Name}: recorded work leaves {_memory.BlocksInUse - blocks} tensors, which nothing has " +
                    "computed; do what is to be kept once, before the work is recorded");
            }

            return new GpuRecording(_recorder, _recorder.EndRecording(), _memory.EndHold(keep: true));
        }
        catch (Exception e)
        {
            _recorder.AbandonRecording();
            _ = _memory.EndHold(keep: false);
            if (e is RecordingException or DeviceMemoryException or GpuException { IsDeviceLost: false })
            {
                return null;
            }

            throw;
        }
    }

    public override void Trim() => _memory.Trim();

    public override void Synchronize() => _driver.Synchronize();

    public override void Dispose()
    {
        _memory.Dispose();
        _driver.Dispose();
    }

    /// <summary>The driver's handle of a view's memory, and its first byte there.</summary>
    private static (nint Memory, long Start) Place(BufferView view)
    {
        GpuBlock block = (GpuBlock)view.Block;
        return (block.Memory, block.Start + (view.Offset * view.Type.ElementBytes()));
    }
}
