using System;
using System.Collections.Generic;

namespace ControlNet.Native.Tensors.Gpu.OpenCl;

/// <summary>Lists the devices of every OpenCL platform. Never throws: what is broken is absent.</summary>
internal static unsafe class OpenClDevices
{
    /// <summary>All devices, numbered in the order of the platforms.</summary>
    public static GpuSearch Find()
    {
        NativeLibraryState library = NativeLibraries.OpenClState;
        if (library.Missing is { } reason)
        {
            return GpuSearch.Nothing(reason);
        }

        try
        {
            return Search();
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException)
        {
            return GpuSearch.Nothing("the library is not an OpenCL loader");
        }
    }

    private static GpuSearch Search()
    {
        uint count = 0;
        int code = OpenClNative.GetPlatformIds(0, null, &count);
        if (code == OpenClCodes.NoPlatform || (code == 0 && count == 0))
        {
            return GpuSearch.Nothing("there is an OpenCL loader and no vendor's driver");
        }

        if (code != 0)
        {
            return GpuSearch.Nothing($"clGetPlatformIDs failed with {OpenClCodes.Name(code)} ({code})");
        }

        nint[] platforms = new nint[count];
        fixed (nint* at = platforms)
        {
            code = OpenClNative.GetPlatformIds(count, at, null);
        }

        List<GpuFound> found = [];
        foreach (nint platform in code == 0 ? platforms : [])
        {
            foreach (nint device in DevicesOf(platform))
            {
                found.Add(Describe(platform, device, $"opencl:{found.Count}"));
            }
        }

        return found.Count > 0 ? new GpuSearch(found, null) : GpuSearch.Nothing("OpenCL's drivers list no device");
    }

    private static nint[] DevicesOf(nint platform)
    {
        uint count = 0;
        int code = OpenClNative.GetDeviceIds(platform, OpenClNative.DeviceTypeAll, 0, null, &count);
        if (code != 0 || count == 0)
        {
            return [];
        }

        nint[] devices = new nint[count];
        fixed (nint* at = devices)
        {
            code = OpenClNative.GetDeviceIds(platform, OpenClNative.DeviceTypeAll, count, at, null);
        }

        return code == 0 ? devices : [];
    }

    private static GpuFound Describe(nint platform, nint device, string name)
    {
        bool isCpu = (OpenClNative.DeviceNumber(device, OpenClNative.DeviceType) & OpenClNative.DeviceTypeCpu) != 0;
        GpuLimits limits = new(
            Number(device, OpenClNative.DeviceGroupSize), Number(device, OpenClNative.DeviceLocalBytes),
            Number(device, OpenClNative.DeviceComputeUnits),
            (long)OpenClNative.DeviceNumber(device, OpenClNative.DeviceMemoryBytes),
            (long)OpenClNative.DeviceNumber(device, OpenClNative.DeviceBlockBytes), isCpu, BuildsSource: true);
        string description = OpenClNative.DeviceText(device, OpenClNative.DeviceName);
        string driver =
            $"{OpenClNative.PlatformText(platform)} {OpenClNative.DeviceText(device, OpenClNative.DriverVersion)}";
        return new GpuFound(
            name, description, driver, limits, Lack(device, limits),
            options => new OpenClDriver(device, name, $"{description}, {driver}", limits, options));
    }

    private static string? Lack(nint device, GpuLimits limits) =>
        OpenClNative.DeviceNumber(device, OpenClNative.DeviceAvailable) == 0 ? "its driver calls it not available"
        : OpenClNative.DeviceNumber(device, OpenClNative.DeviceCompilerAvailable) == 0 ? "its driver has no compiler"
        : OpenClNative.DeviceNumber(device, OpenClNative.DeviceLittleEndian) == 0 ? "its numbers are big-endian"
        : GpuFound.Lack(limits);

    private static int Number(nint device, uint what) =>
        (int)Math.Min(OpenClNative.DeviceNumber(device, what), int.MaxValue);
}
