using System.Globalization;
using System.Runtime.InteropServices;

namespace ControlNet.Native.Tensors.Gpu.Cuda;

/// <summary>The calls of the CUDA driver API that are used, with the constants they take; no toolkit.</summary>
internal static unsafe partial class CudaNative
{
    public const int OutOfMemory = 2;
    public const int AttributeGroupSize = 1;
    public const int AttributeLocalBytes = 8;
    public const int AttributeMultiprocessors = 16;
    public const int AttributeMajor = 75;
    public const int AttributeMinor = 76;
    public const uint StreamNonBlocking = 1;
    public const int JitErrorLog = 5;
    public const int JitErrorLogBytes = 6;

    private const string Library = NativeLibraries.Cuda;

    [LibraryImport(Library, EntryPoint = "cuInit")]
    public static partial int Init(uint flags);

    [LibraryImport(Library, EntryPoint = "cuDriverGetVersion")]
    public static partial int DriverGetVersion(int* version);

    [LibraryImport(Library, EntryPoint = "cuDeviceGetCount")]
    public static partial int DeviceGetCount(int* count);

    [LibraryImport(Library, EntryPoint = "cuDeviceGet")]
    public static partial int DeviceGet(int* device, int index);

    [LibraryImport(Library, EntryPoint = "cuDeviceGetName")]
    public static partial int DeviceGetName(byte* name, int bytes, int device);

    [LibraryImport(Library, EntryPoint = "cuDeviceTotalMem_v2")]
    public static partial int DeviceTotalMem(nuint* bytes, int device);

    [LibraryImport(Library, EntryPoint = "cuDeviceGetAttribute")]
    public static partial int DeviceGetAttribute(int* value, int attribute, int device);

    [LibraryImport(Library, EntryPoint = "cuDevicePrimaryCtxRetain")]
    public static partial int DevicePrimaryCtxRetain(nint* context, int device);

    [LibraryImport(Library, EntryPoint = "cuDevicePrimaryCtxRelease_v2")]
    public static partial int DevicePrimaryCtxRelease(int device);

    [LibraryImport(Library, EntryPoint = "cuCtxSetCurrent")]
    public static partial int CtxSetCurrent(nint context);

    [LibraryImport(Library, EntryPoint = "cuMemGetInfo_v2")]
    public static partial int MemGetInfo(nuint* free, nuint* total);

    [LibraryImport(Library, EntryPoint = "cuMemAlloc_v2")]
    public static partial int MemAlloc(nint* memory, nuint bytes);

    [LibraryImport(Library, EntryPoint = "cuMemFree_v2")]
    public static partial int MemFree(nint memory);

    [LibraryImport(Library, EntryPoint = "cuMemcpyHtoDAsync_v2")]
    public static partial int MemcpyHtoDAsync(nint destination, void* source, nuint bytes, nint stream);

    [LibraryImport(Library, EntryPoint = "cuMemcpyDtoHAsync_v2")]
    public static partial int MemcpyDtoHAsync(void* destination, nint source, nuint bytes, nint stream);

    [LibraryImport(Library, EntryPoint = "cuStreamCreate")]
    public static partial int StreamCreate(nint* stream, uint flags);

    [LibraryImport(Library, EntryPoint = "cuStreamDestroy_v2")]
    public static partial int StreamDestroy(nint stream);

    [LibraryImport(Library, EntryPoint = "cuStreamSynchronize")]
    public static partial int StreamSynchronize(nint stream);

    [LibraryImport(Library, EntryPoint = "cuModuleLoadDataEx")]
    public static partial int ModuleLoadDataEx(
        nint* module, void* image, uint count, int* options, void** values);

    [LibraryImport(Library, EntryPoint = "cuModuleUnload")]
    public static partial int ModuleUnload(nint module);

    [LibraryImport(Library, EntryPoint = "cuModuleGetFunction", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int ModuleGetFunction(nint* function, nint module, string name);

    [LibraryImport(Library, EntryPoint = "cuLaunchKernel")]
    public static partial int LaunchKernel(
        nint function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ, uint sharedBytes,
        nint stream, void** arguments, void** extra);

    [LibraryImport(Library, EntryPoint = "cuGetErrorName")]
    public static partial int GetErrorName(int code, byte** name);

    /// <summary>The driver's name of a code.</summary>
    public static string CodeName(int code)
    {
        byte* name = null;
        return GetErrorName(code, &name) == 0 && name is not null
            ? Marshal.PtrToStringUTF8((nint)name) ?? ""
            : string.Create(CultureInfo.InvariantCulture, $"CUDA_ERROR_{code}");
    }

    /// <summary>
    /// Whether a code says that the context is gone for the rest of the process, rather than that one call was refused:
    /// a deinitialised or unavailable device, uncorrectable memory, and what kernels die of, as cuda.h lists them.
    /// </summary>
    public static bool IsLoss(int code) =>
        code is 4 or 46 or 214 or 220 or 226 or 700 or 702 or 709 or 710 or (>= 714 and <= 719) or 721 or 999;

    /// <summary>A property of a device; 0 when the driver does not know it.</summary>
    public static int Attribute(int attribute, int device)
    {
        int value = 0;
        return DeviceGetAttribute(&value, attribute, device) == 0 ? value : 0;
    }
}
