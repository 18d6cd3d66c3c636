using System;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>
/// A driver that is asked nothing more once it has lost its device: every later call throws at once and says why, so
/// that the loss is not blamed on what came after it. What is freed still reaches the driver.
/// </summary>
/// <param name="driver">An open device; it belongs to this.</param>
internal sealed partial class GuardedDriver(IGpuDriver driver) : IGpuDriver
{
    private GpuException? _loss;

    public string Name => driver.Name;

    public string Description => driver.Description;

    public GpuLimits Limits => driver.Limits;

    public bool HoldsData => driver.HoldsData;

    public long? FreeBytes => _loss is null ? driver.FreeBytes : null;

    public nint Allocate(long bytes)
    {
        ThrowIfLost();
        ThrowIfRecording("memory");
        try
        {
            return driver.Allocate(bytes);
        }
        catch (GpuException e) when (e.IsDeviceLost)
        {
            _loss = e;
            throw;
        }
    }

    public void Free(nint memory) => driver.Free(memory);

    public nint Build(KernelVariant kernel)
    {
        ThrowIfLost();
        ThrowIfRecording("a kernel that is not built");
        try
        {
            return driver.Build(kernel);
        }
        catch (GpuException e) when (e.IsDeviceLost)
        {
            _loss = e;
            throw;
        }
    }

    public void Launch(KernelVariant kernel, nint function, GridSize grid, ReadOnlySpan<KernelArgument> arguments)
    {
        ThrowIfLost();
        try
        {
            driver.Launch(kernel, function, grid, arguments);
        }
        catch (GpuException e) when (e.IsDeviceLost)
        {
            _loss = e;
            throw;
        }
    }

    public void Upload(ReadOnlySpan<byte> source, nint memory, long offset)
    {
        ThrowIfLost();
        ThrowIfRecording("a copy from the host");
        try
        {
            driver.Upload(source, memory, offset);
        }
        catch (GpuException e) when (e.IsDeviceLost)
        {
            _loss = e;
            throw;
        }
    }

    public void Download(nint memory, long offset, Span<byte> destination)
    {
        ThrowIfLost();
        ThrowIfRecording("a copy to the host");
        try
        {
            driver.Download(memory, offset, destination);
        }
        catch (GpuException e) when (e.IsDeviceLost)
        {
            _loss = e;
            throw;
        }
    }

    public void Synchronize()
    {
        ThrowIfLost();
        ThrowIfRecording("an end to wait for");
        try
        {
            driver.Synchronize();
        }
        catch (GpuException e) when (e.IsDeviceLost)
        {
            _loss = e;
            throw;
        }
    }

    public void Dispose() => driver.Dispose();

    private void ThrowIfLost()
    {
        if (_loss is not null)
        {
            throw new GpuException(_loss);
        }
    }
}
