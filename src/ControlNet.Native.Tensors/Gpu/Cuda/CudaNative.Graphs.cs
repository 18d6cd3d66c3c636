using System;
using System.Runtime.InteropServices;

namespace ControlNet.Native.Tensors.Gpu.Cuda;

/// <content>Graphs of launches: all of them are there from CUDA 11.4 on.</content>
internal static unsafe partial class CudaNative
{
    /// <summary>A capture forbids what could disturb it to the thread that captures, and to no other.</summary>
    public const int CaptureThreadLocal = 1;

    private static readonly Lazy<bool> s_hasGraphs = new(static () => Array.TrueForAll(
        [
            "cuStreamBeginCapture_v2", "cuStreamEndCapture", "cuGraphInstantiateWithFlags", "cuGraphLaunch",
            "cuGraphExecDestroy", "cuGraphDestroy",
        ],
        static name => NativeLibrary.TryGetExport(NativeLibraries.CudaState.Handle, name, out _)));

    /// <summary>Whether the driver has every call of this part.</summary>
    public static bool HasGraphs => s_hasGraphs.Value;

    [LibraryImport(Library, EntryPoint = "cuStreamBeginCapture_v2")]
    public static partial int StreamBeginCapture(nint stream, int mode);

    [LibraryImport(Library, EntryPoint = "cuStreamEndCapture")]
    public static partial int StreamEndCapture(nint stream, nint* graph);

    [LibraryImport(Library, EntryPoint = "cuGraphInstantiateWithFlags")]
    public static partial int GraphInstantiate(nint* executable, nint graph, ulong flags);

    [LibraryImport(Library, EntryPoint = "cuGraphLaunch")]
    public static partial int GraphLaunch(nint executable, nint stream);

    [LibraryImport(Library, EntryPoint = "cuGraphExecDestroy")]
    public static partial int GraphExecDestroy(nint executable);

    [LibraryImport(Library, EntryPoint = "cuGraphDestroy")]
    public static partial int GraphDestroy(nint graph);
}
