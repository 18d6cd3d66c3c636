using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Text;

namespace ControlNet.Native.Tensors.Gpu.Cuda;

/// <summary>
/// A device of NVIDIA's driver: the primary context, which it shares with other libraries of the process, and one
/// stream of its own that does not wait for theirs. Kernels are PTX made ahead of time; the driver compiles it, and
/// keeps what it compiled.
/// </summary>
internal sealed unsafe partial class CudaDriver : IGpuDriver
{
    private const int LogBytes = 16 << 10;

    /// <summary>What every launch may give its blocks.</summary>
    private const int AnyDynamicBytes = 48 << 10;

    /// <summary>The context this thread has; contexts are a property of the thread.</summary>
    [ThreadStatic]
    private static nint s_current;

    private readonly int _device;
    private readonly nint _context;
    private readonly nint _stream;
    private readonly LaunchHistory _history = new();
    private readonly Dictionary<string, nint> _modules = new(StringComparer.Ordinal);
    private bool _disposed;

    /// <param name="device">The driver's number of the device.</param>
    /// <param name="name">Name as users write it.</param>
    /// <param name="description">What it is.</param>
    /// <param name="limits">What it can do.</param>
    /// <exception cref="GpuException">The driver refuses.</exception>
    public CudaDriver(int device, string name, string description, GpuLimits limits)
    {
        _device = device;
        Name = name;
        Description = description;
        Limits = limits;
        nint handle;
        Check(CudaNative.DevicePrimaryCtxRetain(&handle, device), "cuDevicePrimaryCtxRetain");
        _context = handle;
        try
        {
            MakeCurrent();
            Check(CudaNative.StreamCreate(&handle, CudaNative.StreamNonBlocking), "cuStreamCreate");
            _stream = handle;
        }
        catch
        {
            _ = CudaNative.DevicePrimaryCtxRelease(device);
            throw;
        }
    }

    public string Name { get; }

    public string Description { get; }

    public GpuLimits Limits { get; }

    public bool HoldsData => true;

    public long? FreeBytes
    {
        get
        {
            MakeCurrent();
            nuint free = 0, total = 0;
            return CudaNative.MemGetInfo(&free, &total) == 0 ? (long)free : null;
        }
    }

    public nint Allocate(long bytes)
    {
        MakeCurrent();
        nint memory = 0;
        int code = CudaNative.MemAlloc(&memory, (nuint)bytes);
        if (code == CudaNative.OutOfMemory)
        {
            return 0;
        }

        CheckLate(code, "cuMemAlloc");
        return memory;
    }

    public void Free(nint memory)
    {
        if (!_disposed && CudaNative.CtxSetCurrent(_context) == 0)
        {
            s_current = _context;
            _ = _staging?.Flush();
            _ = CudaNative.MemFree(memory);
        }
    }

    public nint Build(KernelVariant kernel)
    {
        MakeCurrent();
        if (!_modules.TryGetValue(kernel.Module, out nint module))
        {
            module = Load(kernel);
            _modules.Add(kernel.Module, module);
        }

        nint function;
        Check(CudaNative.ModuleGetFunction(&function, module, kernel.Entry), "cuModuleGetFunction", kernel);
        if (kernel.DynamicBytes > AnyDynamicBytes)
        {
            int code = CudaNative.FuncSetAttribute(
                function, CudaNative.FunctionMaxDynamicBytes, kernel.DynamicBytes);
            Check(code, "cuFuncSetAttribute", kernel);
        }

        return function;
    }

    [SkipLocalsInit]
    public void Launch(KernelVariant kernel, nint function, GridSize grid, ReadOnlySpan<KernelArgument> arguments)
    {
        MakeCurrent();
        SendGathered();
        int count = 0, maps = 0;
        foreach (ref readonly KernelArgument argument in arguments)
        {
            maps += argument.Map is null ? 0 : 1;
        }

        byte* map = stackalloc byte[(maps * CudaNative.TensorMapBytes) + CudaNative.TensorMapAlignment];
        map += -(nint)map & (CudaNative.TensorMapAlignment - 1);
        long* values = stackalloc long[2 * arguments.Length];
        void** parameters = stackalloc void*[2 * arguments.Length];
        foreach (ref readonly KernelArgument argument in arguments)
        {
            if (argument.Map is { } described)
            {
                Check(CudaNative.EncodeTensorMap(described, map), "cuTensorMapEncode", kernel);
                parameters[count++] = map;
                map += CudaNative.TensorMapBytes;
                continue;
            }

            if (argument.IsBuffer)
            {
                values[count] = argument.Memory;
                parameters[count] = values + count;
                count++;
            }

            values[count] = argument.Bits;
            parameters[count] = values + count;
            count++;
        }

        int code = CudaNative.LaunchKernel(
            function, (uint)grid.X, (uint)grid.Y, (uint)grid.Z, (uint)kernel.Block.X, (uint)kernel.Block.Y,
            (uint)kernel.Block.Z, (uint)kernel.DynamicBytes, _stream, parameters, null);
        if (CudaNative.IsLoss(code))
        {
            // What lost the device was launched before.
            CheckLate(code, "cuLaunchKernel");
        }
        else if (code != 0)
        {
            Check(code, $"cuLaunchKernel(grid {grid}, block {kernel.Block})", kernel);
        }

        _history.Add(kernel);
    }

    public void Upload(ReadOnlySpan<byte> source, nint memory, long offset)
    {
        MakeCurrent();
        if (Staging is { } staging)
        {
            CheckLate(staging.Add(source, memory + (nint)offset), "cuMemcpyHtoDAsync");
            return;
        }

        fixed (byte* at = source)
        {
            // From pageable memory the call returns once the bytes are in the driver's own buffers.
            int code = CudaNative.MemcpyHtoDAsync(memory + (nint)offset, at, (nuint)source.Length, _stream);
            CheckLate(code, "cuMemcpyHtoDAsync");
        }
    }

    public void Download(nint memory, long offset, Span<byte> destination)
    {
        MakeCurrent();
        SendGathered();
        fixed (byte* at = destination)
        {
            int code = CudaNative.MemcpyDtoHAsync(at, memory + (nint)offset, (nuint)destination.Length, _stream);
            CheckLate(code, "cuMemcpyDtoHAsync");
            Synchronize();
        }
    }

    public void Synchronize()
    {
        MakeCurrent();
        SendGathered();
        CheckLate(CudaNative.StreamSynchronize(_stream), "cuStreamSynchronize");
        _history.Clear();
    }

    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        if (CudaNative.CtxSetCurrent(_context) == 0)
        {
            _ = CudaNative.StreamSynchronize(_stream);
            _staging?.Dispose();
            foreach (nint module in _modules.Values)
            {
                _ = CudaNative.ModuleUnload(module);
            }

            _ = CudaNative.StreamDestroy(_stream);
        }

        s_current = 0;
        _ = CudaNative.CtxSetCurrent(0);
        _ = CudaNative.DevicePrimaryCtxRelease(_device);
    }

    private nint Load(KernelVariant kernel)
    {
        byte[] ptx = KernelSource.Ptx(kernel, Limits.Compute) ?? throw new GpuException(
            Name, $"looking for {KernelSource.PtxName(kernel)}", 0, "no PTX of this variant in the assembly",
            kernel.ToString());
        byte[] log = new byte[LogBytes];
        int* options = stackalloc int[2] { CudaNative.JitErrorLog, CudaNative.JitErrorLogBytes };
        void** values = stackalloc void*[2];
        nint module;
        fixed (byte* image = ptx, text = log)
        {
            values[0] = text;
            values[1] = (void*)LogBytes;
            int code = CudaNative.ModuleLoadDataEx(&module, image, 2, options, values);
            if (code != 0)
            {
                string words = Encoding.UTF8.GetString(log).TrimEnd('\0').Trim();
                throw new GpuException(
                    Name, "cuModuleLoadDataEx", code, CudaNative.CodeName(code), kernel.ToString(), words,
                    CudaNative.IsLoss(code));
            }
        }

        return module;
    }

    private void MakeCurrent()
    {
        if (s_current != _context)
        {
            Check(CudaNative.CtxSetCurrent(_context), "cuCtxSetCurrent");
            s_current = _context;
        }
    }

    /// <summary>Throws for a call that failed by itself.</summary>
    private void Check(int code, string operation, KernelVariant? kernel = null)
    {
        if (code != 0)
        {
            throw new GpuException(
                Name, operation, code, CudaNative.CodeName(code), kernel?.ToString(), null, CudaNative.IsLoss(code));
        }
    }

    /// <summary>Throws for a call that may report the failure of an earlier launch.</summary>
    private void CheckLate(int code, string operation)
    {
        if (code != 0)
        {
            throw new GpuException(
                Name, operation, code, CudaNative.CodeName(code), _history.Describe(), null, CudaNative.IsLoss(code));
        }
    }
}
