using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;

namespace ControlNet.Native.Tensors.Gpu.OpenCl;

/// <summary>A device of OpenCL with a context and one in-order queue of its own.</summary>
internal sealed unsafe class OpenClDriver : IGpuDriver
{
    /// <summary>Launches after which the driver is told to begin: the device is not to wait for the host.</summary>
    private const int LaunchesPerFlush = 16;

    private readonly nint _context;
    private readonly nint _queue;
    private readonly OpenClPrograms _programs;
    private readonly LaunchHistory _history = new();
    private readonly List<nint> _functions = [];
    private int _unflushed;
    private bool _disposed;

    /// <param name="device">The driver's handle.</param>
    /// <param name="name">Name as users write it.</param>
    /// <param name="description">What it is.</param>
    /// <param name="limits">What it can do.</param>
    /// <param name="options">How it is opened.</param>
    /// <exception cref="GpuException">The driver refuses.</exception>
    public OpenClDriver(nint device, string name, string description, GpuLimits limits, GpuOptions options)
    {
        Name = name;
        Description = description;
        Limits = limits;
        int code;
        _context = OpenClNative.CreateContext(null, 1, &device, 0, null, &code);
        Check(code, "clCreateContext");
        _queue = OpenClNative.CreateCommandQueue(_context, device, 0, &code);
        if (code != 0)
        {
            _ = OpenClNative.ReleaseContext(_context);
            Check(code, "clCreateCommandQueue");
        }

        _programs = new OpenClPrograms(_context, device, name, options);
    }

    public string Name { get; }

    public string Description { get; }

    public GpuLimits Limits { get; }

    public bool HoldsData => true;

    public IGpuRecorder? Recorder => null;

    public long? FreeBytes => null;

    public nint Allocate(long bytes)
    {
        if (bytes > Limits.MaxBlockBytes)
        {
            return 0;
        }

        int code;
        nint memory = OpenClNative.CreateBuffer(_context, OpenClNative.MemoryReadWrite, (nuint)bytes, null, &code);
        if (IsShortOfMemory(code))
        {
            return 0;
        }

        Check(code, "clCreateBuffer");
        return memory;
    }

    public void Free(nint memory) => _ = OpenClNative.ReleaseMemObject(memory);

    public nint Build(KernelVariant kernel)
    {
        int code;
        nint function = OpenClNative.CreateKernel(_programs.Get(kernel), kernel.Entry, &code);
        Check(code, "clCreateKernel", kernel);
        _functions.Add(function);
        return function;
    }

    [SkipLocalsInit]
    public void Launch(KernelVariant kernel, nint function, GridSize grid, ReadOnlySpan<KernelArgument> arguments)
    {
        uint index = 0;
        foreach (ref readonly KernelArgument argument in arguments)
        {
            if (argument.IsBuffer)
            {
                nint memory = argument.Memory;
                Set(kernel, function, index++, sizeof(nint), memory == 0 ? null : &memory);
            }

            long bits = argument.Bits;
            Set(kernel, function, index++, argument.Bytes, &bits);
        }

        nuint* threads = stackalloc nuint[3]
        {
            (nuint)grid.X * (nuint)kernel.Block.X, (nuint)grid.Y * (nuint)kernel.Block.Y,
            (nuint)grid.Z * (nuint)kernel.Block.Z,
        };
        nuint* block = stackalloc nuint[3] { (nuint)kernel.Block.X, (nuint)kernel.Block.Y, (nuint)kernel.Block.Z };
        int code = OpenClNative.EnqueueNdRangeKernel(_queue, function, 3, null, threads, block, 0, null, null);
        Check(code, "clEnqueueNDRangeKernel", kernel);
        _history.Add(kernel);
        if (++_unflushed == LaunchesPerFlush)
        {
            _unflushed = 0;
            CheckLate(OpenClNative.Flush(_queue), "clFlush");
        }
    }

    public void Upload(ReadOnlySpan<byte> source, nint memory, long offset)
    {
        fixed (byte* at = source)
        {
            int code = OpenClNative.EnqueueWriteBuffer(
                _queue, memory, 1, (nuint)offset, (nuint)source.Length, at, 0, null, null);
            CheckLate(code, "clEnqueueWriteBuffer");
        }
    }

    public void Download(nint memory, long offset, Span<byte> destination)
    {
        fixed (byte* at = destination)
        {
            int code = OpenClNative.EnqueueReadBuffer(
                _queue, memory, 1, (nuint)offset, (nuint)destination.Length, at, 0, null, null);
            CheckLate(code, "clEnqueueReadBuffer");
        }

        _history.Clear();
    }

    public void Synchronize()
    {
        CheckLate(OpenClNative.Finish(_queue), "clFinish");
        _history.Clear();
    }

    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        _ = OpenClNative.Finish(_queue);
        foreach (nint function in _functions)
        {
            _ = OpenClNative.ReleaseKernel(function);
        }

        _programs.Dispose();
        _ = OpenClNative.ReleaseCommandQueue(_queue);
        _ = OpenClNative.ReleaseContext(_context);
    }

    private static bool IsShortOfMemory(int code) =>
        code is OpenClCodes.MemoryAllocationFailure or OpenClCodes.OutOfResources or OpenClCodes.OutOfHostMemory
            or OpenClCodes.InvalidBufferSize;

    private void Set(KernelVariant kernel, nint function, uint index, int bytes, void* value)
    {
        int code = OpenClNative.SetKernelArg(function, index, (nuint)bytes, value);
        if (code != 0)
        {
            Check(code, $"clSetKernelArg({index})", kernel);
        }
    }

    /// <summary>Throws for a call that failed by itself.</summary>
    private void Check(int code, string operation, KernelVariant? kernel = null)
    {
        if (code != 0)
        {
            Fail(code, operation, kernel?.ToString(), late: false);
        }
    }

    /// <summary>Throws for a call that may report the failure of an earlier launch.</summary>
    private void CheckLate(int code, string operation)
    {
        if (code != 0)
        {
            Fail(code, operation, _history.Describe(), late: true);
        }
    }

    /// <summary>Many drivers find memory when a buffer is first used, so any call may be short of it.</summary>
    private void Fail(int code, string operation, string? kernel, bool late)
    {
        GpuException failure = new(
            Name, operation, code, OpenClCodes.Name(code), kernel, null, OpenClCodes.IsLoss(code, late));
        throw code == OpenClCodes.MemoryAllocationFailure
            ? new DeviceMemoryException(
                $"{failure.Message}: the device has not the memory it lent; use smaller images, 16-bit weights or " +
                "dispose a model", failure)
            : failure;
    }
}
