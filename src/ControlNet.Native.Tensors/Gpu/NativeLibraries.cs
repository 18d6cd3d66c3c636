using System;
using System.IO;
using System.Reflection;
using System.Runtime.InteropServices;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>
/// The vendors' libraries, looked for once, when a device is first asked for. An absent or broken one is an absent
/// device and never an exception.
/// </summary>
internal static class NativeLibraries
{
    /// <summary>Names that imports use; the resolver knows the files.</summary>
    public const string OpenCl = "controlnet:opencl";

    /// <inheritdoc cref="OpenCl"/>
    public const string Cuda = "controlnet:cuda";

    private static readonly Lazy<NativeLibraryState> s_openCl = new(() => Load(
        Environment.GetEnvironmentVariable("CONTROLNET_OPENCL_LIB"),
        OperatingSystem.IsWindows() ? ["OpenCL.dll"]
        : OperatingSystem.IsMacOS() ? ["/System/Library/Frameworks/OpenCL.framework/OpenCL"]
        : ["libOpenCL.so.1", "libOpenCL.so"]));

    private static readonly Lazy<NativeLibraryState> s_cuda = new(() => Load(
        Environment.GetEnvironmentVariable("CONTROLNET_CUDA_LIB"),
        OperatingSystem.IsWindows() ? ["nvcuda.dll"]
        : ["libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1", "/usr/local/nvidia/lib64/libcuda.so.1", "libcuda.so"]));

    static NativeLibraries() => NativeLibrary.SetDllImportResolver(typeof(NativeLibraries).Assembly, Resolve);

    public static NativeLibraryState OpenClState => s_openCl.Value;

    public static NativeLibraryState CudaState => s_cuda.Value;

    /// <summary>Loads the first of the files that loads.</summary>
    /// <param name="named">A path the user gave instead, or <c>none</c>; null or empty when nothing was given.</param>
    /// <param name="files">Where such a library is.</param>
    public static NativeLibraryState Load(string? named, params ReadOnlySpan<string> files)
    {
        if (named == "none")
        {
            return new NativeLibraryState(0, "switched off by the environment");
        }

        if (!string.IsNullOrEmpty(named))
        {
            return NativeLibrary.TryLoad(named, out nint given)
                ? new NativeLibraryState(given, null)
                : new NativeLibraryState(0, File.Exists(named) ? $"{named} does not load" : $"{named} is not there");
        }

        foreach (string file in files)
        {
            if (TryLoad(file, out nint handle))
            {
                return new NativeLibraryState(handle, null);
            }
        }

        return new NativeLibraryState(0, $"{files[0]} is not installed");
    }

    /// <summary>On Windows only from the system's folder, where drivers put their libraries.</summary>
    private static bool TryLoad(string file, out nint handle) => OperatingSystem.IsWindows()
        ? NativeLibrary.TryLoad(file, typeof(NativeLibraries).Assembly, DllImportSearchPath.System32, out handle)
        : NativeLibrary.TryLoad(file, out handle);

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path) => name switch
    {
        OpenCl => s_openCl.Value.Handle,
        Cuda => s_cuda.Value.Handle,
        _ => 0,
    };
}
