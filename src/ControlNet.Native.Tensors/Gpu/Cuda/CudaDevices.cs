using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;

namespace ControlNet.Native.Tensors.Gpu.Cuda;

/// <summary>Lists the devices of NVIDIA's driver. Never throws: what is broken is absent.</summary>
internal static unsafe class CudaDevices
{
    /// <summary>The oldest architecture the PTX of the dialect is for: <c>tools/kernel-targets.sh</c>.</summary>
    private const int OldestArchitecture = 60;

    private const int NameBytes = 256;

    /// <summary>All devices, in the driver's order.</summary>
    public static GpuSearch Find()
    {
        NativeLibraryState library = NativeLibraries.CudaState;
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
            return GpuSearch.Nothing("the library is not a CUDA driver");
        }
    }

    private static GpuSearch Search()
    {
        int code = CudaNative.Init(0);
        if (code != 0)
        {
            return GpuSearch.Nothing($"cuInit failed with {CudaNative.CodeName(code)} ({code})");
        }

        int count = 0, version = 0;
        _ = CudaNative.DriverGetVersion(&version);
        code = CudaNative.DeviceGetCount(&count);
        string driver = $"CUDA {version / 1000}.{version % 1000 / 10}" +
            (NvidiaModule.Version() is { } module ? $", driver {module}" : "");
        List<GpuFound> found = [];
        for (int index = 0; code == 0 && index < count; index++)
        {
            int device;
            if (CudaNative.DeviceGet(&device, index) == 0)
            {
                found.Add(Describe(device, $"cuda:{index}", driver));
            }
        }

        return found.Count > 0 ? new GpuSearch(found, null) : GpuSearch.Nothing("there is a CUDA driver and no device");
    }

    private static GpuFound Describe(int device, string name, string driver)
    {
        byte* text = stackalloc byte[NameBytes];
        bool named = CudaNative.DeviceGetName(text, NameBytes, device) == 0;
        string words = named ? Marshal.PtrToStringUTF8((nint)text) ?? "" : "";
        int major = CudaNative.Attribute(CudaNative.AttributeMajor, device);
        int minor = CudaNative.Attribute(CudaNative.AttributeMinor, device);
        nuint bytes = 0;
        _ = CudaNative.DeviceTotalMem(&bytes, device);
        GpuLimits limits = new(
            CudaNative.Attribute(CudaNative.AttributeGroupSize, device),
            CudaNative.Attribute(CudaNative.AttributeLocalBytes, device),
            CudaNative.Attribute(CudaNative.AttributeMultiprocessors, device),
            (long)bytes, (long)bytes, IsCpu: false, Compute: (major * 10) + minor,
            HasTensorMaps: CudaNative.HasTensorMaps);
        string? lack = limits.Compute < OldestArchitecture
            ? $"its compute capability is {major}.{minor}, at least {OldestArchitecture / 10}.0 is needed"
            : GpuFound.Lack(limits);
        string description = $"{words} (compute capability {major}.{minor})";
        return new GpuFound(
            name, description, driver, limits, lack,
            _ => new CudaDriver(device, name, $"{description}, {driver}", limits));
    }
}
