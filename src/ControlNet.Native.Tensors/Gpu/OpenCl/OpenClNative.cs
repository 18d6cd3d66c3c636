using System.Runtime.InteropServices;
using System.Text;

namespace ControlNet.Native.Tensors.Gpu.OpenCl;

/// <summary>The calls of OpenCL 1.2 that are used, with the constants they take.</summary>
internal static unsafe partial class OpenClNative
{
    public const ulong DeviceTypeCpu = 2;
    public const ulong DeviceTypeAll = 0xFFFFFFFF;
    public const uint DeviceType = 0x1000;
    public const uint DeviceComputeUnits = 0x1002;
    public const uint DeviceGroupSize = 0x1004;
    public const uint DeviceBlockBytes = 0x1010;
    public const uint DeviceMemoryBytes = 0x101F;
    public const uint DeviceLocalBytes = 0x1023;
    public const uint DeviceLittleEndian = 0x1026;
    public const uint DeviceAvailable = 0x1027;
    public const uint DeviceCompilerAvailable = 0x1028;
    public const uint DeviceName = 0x102B;
    public const uint DeviceVendor = 0x102C;
    public const uint DriverVersion = 0x102D;
    public const uint DeviceVersion = 0x102F;
    public const uint PlatformName = 0x0902;
    public const ulong MemoryReadWrite = 1;
    public const uint ProgramBinarySizes = 0x1165;
    public const uint ProgramBinaries = 0x1166;
    public const uint BuildLog = 0x1183;

    private const string Library = NativeLibraries.OpenCl;

    [LibraryImport(Library, EntryPoint = "clGetPlatformIDs")]
    public static partial int GetPlatformIds(uint count, nint* platforms, uint* available);

    [LibraryImport(Library, EntryPoint = "clGetPlatformInfo")]
    public static partial int GetPlatformInfo(nint platform, uint what, nuint bytes, void* value, nuint* needed);

    [LibraryImport(Library, EntryPoint = "clGetDeviceIDs")]
    public static partial int GetDeviceIds(nint platform, ulong type, uint count, nint* devices, uint* available);

    [LibraryImport(Library, EntryPoint = "clGetDeviceInfo")]
    public static partial int GetDeviceInfo(nint device, uint what, nuint bytes, void* value, nuint* needed);

    [LibraryImport(Library, EntryPoint = "clCreateContext")]
    public static partial nint CreateContext(
        nint* properties, uint count, nint* devices, nint callback, void* user, int* code);

    [LibraryImport(Library, EntryPoint = "clReleaseContext")]
    public static partial int ReleaseContext(nint context);

    [LibraryImport(Library, EntryPoint = "clCreateCommandQueue")]
    public static partial nint CreateCommandQueue(nint context, nint device, ulong properties, int* code);

    [LibraryImport(Library, EntryPoint = "clReleaseCommandQueue")]
    public static partial int ReleaseCommandQueue(nint queue);

    [LibraryImport(Library, EntryPoint = "clCreateBuffer")]
    public static partial nint CreateBuffer(nint context, ulong flags, nuint bytes, void* host, int* code);

    [LibraryImport(Library, EntryPoint = "clReleaseMemObject")]
    public static partial int ReleaseMemObject(nint memory);

    [LibraryImport(Library, EntryPoint = "clEnqueueReadBuffer")]
    public static partial int EnqueueReadBuffer(
        nint queue, nint memory, uint blocking, nuint offset, nuint bytes, void* destination, uint waits, nint* wait,
        nint* done);

    [LibraryImport(Library, EntryPoint = "clEnqueueWriteBuffer")]
    public static partial int EnqueueWriteBuffer(
        nint queue, nint memory, uint blocking, nuint offset, nuint bytes, void* source, uint waits, nint* wait,
        nint* done);

    [LibraryImport(Library, EntryPoint = "clCreateProgramWithSource")]
    public static partial nint CreateProgramWithSource(
        nint context, uint count, byte** texts, nuint* bytes, int* code);

    [LibraryImport(Library, EntryPoint = "clCreateProgramWithBinary")]
    public static partial nint CreateProgramWithBinary(
        nint context, uint count, nint* devices, nuint* bytes, byte** binaries, int* states, int* code);

    [LibraryImport(Library, EntryPoint = "clBuildProgram", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int BuildProgram(
        nint program, uint count, nint* devices, string options, nint callback, void* user);

    [LibraryImport(Library, EntryPoint = "clGetProgramBuildInfo")]
    public static partial int GetProgramBuildInfo(
        nint program, nint device, uint what, nuint bytes, void* value, nuint* needed);

    [LibraryImport(Library, EntryPoint = "clGetProgramInfo")]
    public static partial int GetProgramInfo(nint program, uint what, nuint bytes, void* value, nuint* needed);

    [LibraryImport(Library, EntryPoint = "clReleaseProgram")]
    public static partial int ReleaseProgram(nint program);

    [LibraryImport(Library, EntryPoint = "clCreateKernel", StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint CreateKernel(nint program, string name, int* code);

    [LibraryImport(Library, EntryPoint = "clReleaseKernel")]
    public static partial int ReleaseKernel(nint kernel);

    [LibraryImport(Library, EntryPoint = "clSetKernelArg")]
    public static partial int SetKernelArg(nint kernel, uint index, nuint bytes, void* value);

    [LibraryImport(Library, EntryPoint = "clEnqueueNDRangeKernel")]
    public static partial int EnqueueNdRangeKernel(
        nint queue, nint kernel, uint axes, nuint* offset, nuint* threads, nuint* block, uint waits, nint* wait,
        nint* done);

    [LibraryImport(Library, EntryPoint = "clFlush")]
    public static partial int Flush(nint queue);

    [LibraryImport(Library, EntryPoint = "clFinish")]
    public static partial int Finish(nint queue);

    /// <summary>A text a device tells of itself; empty when it does not.</summary>
    public static string DeviceText(nint device, uint what)
    {
        nuint bytes = 0;
        if (GetDeviceInfo(device, what, 0, null, &bytes) != 0 || bytes == 0)
        {
            return "";
        }

        byte[] text = new byte[bytes];
        fixed (byte* at = text)
        {
            return GetDeviceInfo(device, what, bytes, at, null) == 0 ? Words(text) : "";
        }
    }

    /// <summary>A number a device tells of itself, of any width; 0 when it does not.</summary>
    public static ulong DeviceNumber(nint device, uint what)
    {
        ulong value = 0;
        nuint bytes = 0;
        bool told = GetDeviceInfo(device, what, 0, null, &bytes) == 0 && bytes <= sizeof(ulong) &&
            GetDeviceInfo(device, what, bytes, &value, null) == 0;
        return told ? value : 0;
    }

    /// <summary>A platform's name; empty when it has none.</summary>
    public static string PlatformText(nint platform)
    {
        nuint bytes = 0;
        if (GetPlatformInfo(platform, PlatformName, 0, null, &bytes) != 0 || bytes == 0)
        {
            return "";
        }

        byte[] text = new byte[bytes];
        fixed (byte* at = text)
        {
            return GetPlatformInfo(platform, PlatformName, bytes, at, null) == 0 ? Words(text) : "";
        }
    }

    private static string Words(byte[] text) => Encoding.UTF8.GetString(text).TrimEnd('\0').Trim();
}
