using System;
using System.Collections.Generic;
using System.Text;

namespace ControlNet.Native.Tensors.Gpu.OpenCl;

/// <summary>The programs of a context: taken from the disk where an earlier run built them, or built.</summary>
/// <param name="context">Where programs live.</param>
/// <param name="device">What they are built for.</param>
/// <param name="name">The device's name for messages.</param>
/// <param name="options">Sources, and where programs are kept.</param>
internal sealed unsafe class OpenClPrograms(nint context, nint device, string name, GpuOptions options) : IDisposable
{
    private readonly Dictionary<string, nint> _programs = new(StringComparer.Ordinal);

    /// <summary>What decides, beside options and source, what a driver builds.</summary>
    private readonly string _identity = string.Join(
        '\0', OpenClNative.DeviceText(device, OpenClNative.DeviceName),
        OpenClNative.DeviceText(device, OpenClNative.DeviceVendor),
        OpenClNative.DeviceText(device, OpenClNative.DriverVersion),
        OpenClNative.DeviceText(device, OpenClNative.DeviceVersion));

    /// <summary>The built program a kernel is in.</summary>
    /// <exception cref="GpuException">It does not build; the exception has the compiler's log.</exception>
    public nint Get(KernelVariant kernel)
    {
        if (!_programs.TryGetValue(kernel.Module, out nint program))
        {
            program = Make(kernel, options.Source(kernel.File));
            _programs.Add(kernel.Module, program);
        }

        return program;
    }

    public void Dispose()
    {
        foreach (nint program in _programs.Values)
        {
            _ = OpenClNative.ReleaseProgram(program);
        }

        _programs.Clear();
    }

    private nint Make(KernelVariant kernel, string source)
    {
        string flags = Flags(kernel);
        string key = KernelCache.Key(_identity, flags, source);
        if (options.Cache.Find(key) is { } kept && Accept(kept, flags) is nint accepted and not 0)
        {
            return accepted;
        }

        nint program = Compile(kernel, source, flags);
        if (Binary(program) is { } binary)
        {
            options.Cache.Keep(key, binary);
        }

        return program;
    }

    private static string Flags(KernelVariant kernel)
    {
        StringBuilder flags = new("-cl-std=CL1.2 -cl-mad-enable");
        foreach (string define in kernel.Defines.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            flags.Append(" -D ").Append(define);
        }

        return flags.ToString();
    }

    /// <summary>A program of what was kept; zero when the driver refuses it.</summary>
    private nint Accept(byte[] binary, string flags)
    {
        nint one = device;
        nuint bytes = (nuint)binary.Length;
        int state, code;
        nint program;
        fixed (byte* at = binary)
        {
            byte* start = at;
            program = OpenClNative.CreateProgramWithBinary(context, 1, &one, &bytes, &start, &state, &code);
        }

        if (code != 0)
        {
            return 0;
        }

        if (state == 0 && OpenClNative.BuildProgram(program, 1, &one, flags, 0, null) == 0)
        {
            return program;
        }

        _ = OpenClNative.ReleaseProgram(program);
        return 0;
    }

    private nint Compile(KernelVariant kernel, string source, string flags)
    {
        byte[] text = Encoding.UTF8.GetBytes(source);
        nuint bytes = (nuint)text.Length;
        nint one = device;
        int code;
        nint program;
        fixed (byte* at = text)
        {
            byte* start = at;
            program = OpenClNative.CreateProgramWithSource(context, 1, &start, &bytes, &code);
        }

        if (code != 0)
        {
            throw new GpuException(
                name, "clCreateProgramWithSource", code, OpenClCodes.Name(code), kernel.ToString());
        }

        code = OpenClNative.BuildProgram(program, 1, &one, flags, 0, null);
        if (code != 0)
        {
            string log = Log(program);
            _ = OpenClNative.ReleaseProgram(program);
            throw new GpuException(name, "clBuildProgram", code, OpenClCodes.Name(code), kernel.ToString(), log);
        }

        return program;
    }

    private string Log(nint program)
    {
        nuint bytes = 0;
        _ = OpenClNative.GetProgramBuildInfo(program, device, OpenClNative.BuildLog, 0, null, &bytes);
        byte[] log = new byte[bytes];
        fixed (byte* at = log)
        {
            _ = OpenClNative.GetProgramBuildInfo(program, device, OpenClNative.BuildLog, bytes, at, null);
        }

        return Encoding.UTF8.GetString(log).TrimEnd('\0').Trim();
    }

    private static byte[]? Binary(nint program)
    {
        nuint bytes = 0;
        int code = OpenClNative.GetProgramInfo(
            program, OpenClNative.ProgramBinarySizes, (nuint)sizeof(nuint), &bytes, null);
        if (code != 0 || bytes == 0)
        {
            return null;
        }

        byte[] binary = new byte[bytes];
        fixed (byte* at = binary)
        {
            byte* start = at;
            code = OpenClNative.GetProgramInfo(
                program, OpenClNative.ProgramBinaries, (nuint)sizeof(byte*), &start, null);
        }

        return code == 0 ? binary : null;
    }
}
