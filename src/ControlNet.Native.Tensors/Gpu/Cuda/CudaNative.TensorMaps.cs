using System;
using System.Runtime.InteropServices;

namespace ControlNet.Native.Tensors.Gpu.Cuda;

/// <content>Tensor maps, from CUDA 12.0 on, and memory of blocks beyond 48 KiB.</content>
internal static unsafe partial class CudaNative
{
    public const int FunctionMaxDynamicBytes = 8;

    /// <summary>Bytes of a tensor map, which is aligned to <see cref="TensorMapAlignment"/>.</summary>
    public const int TensorMapBytes = 128;

    public const int TensorMapAlignment = 64;

    private const int TypeF16 = 6, NoInterleave = 0, Swizzle128Bytes = 3, Promote256Bytes = 3, FillZeros = 0;

    private static readonly Lazy<bool> s_hasTensorMaps = new(static () => Array.TrueForAll(
        ["cuTensorMapEncodeTiled", "cuTensorMapEncodeIm2col", "cuFuncSetAttribute"],
        static name => NativeLibrary.TryGetExport(NativeLibraries.CudaState.Handle, name, out _)));

    /// <summary>Whether the driver has every call of this part.</summary>
    public static bool HasTensorMaps => s_hasTensorMaps.Value;

    [LibraryImport(Library, EntryPoint = "cuFuncSetAttribute")]
    public static partial int FuncSetAttribute(nint function, int attribute, int value);

    /// <summary>Writes the parameter of a kernel.</summary>
    /// <returns>The driver's code, 0 for success.</returns>
    public static int EncodeTensorMap(TensorMap map, byte* to)
    {
        ulong* extents = stackalloc ulong[TensorMap.Rank], strides = stackalloc ulong[TensorMap.Rank - 1];
        for (int i = 0; i < TensorMap.Rank; i++)
        {
            extents[i] = (ulong)map.Extents[i];
        }

        for (int i = 0; i < TensorMap.Rank - 1; i++)
        {
            strides[i] = (ulong)map.Steps[i] * sizeof(ushort);
        }

        if (map.Walk is not { } walk)
        {
            uint* box = stackalloc uint[TensorMap.Rank] { TensorMap.BoxWidth, (uint)map.BoxLines, 1, 1 };
            uint* every = stackalloc uint[TensorMap.Rank] { 1, 1, 1, 1 };
            return TensorMapEncodeTiled(
                to, TypeF16, TensorMap.Rank, map.Address, extents, strides, box, every, NoInterleave,
                Swizzle128Bytes, Promote256Bytes, FillZeros);
        }

        int* lower = stackalloc int[2] { walk.LowerX, walk.LowerY }, upper = stackalloc int[2]
        {
            walk.UpperX, walk.UpperY,
        };
        uint* steps = stackalloc uint[TensorMap.Rank] { 1, (uint)walk.Stride, (uint)walk.Stride, 1 };
        return TensorMapEncodeIm2col(
            to, TypeF16, TensorMap.Rank, map.Address, extents, strides, lower, upper, TensorMap.BoxWidth,
            (uint)map.BoxLines, steps, NoInterleave, Swizzle128Bytes, Promote256Bytes, FillZeros);
    }

    [LibraryImport(Library, EntryPoint = "cuTensorMapEncodeTiled")]
    private static partial int TensorMapEncodeTiled(
        byte* map, int type, uint rank, nint address, ulong* extents, ulong* strides, uint* box, uint* steps,
        int interleave, int swizzle, int promotion, int fill);

    [LibraryImport(Library, EntryPoint = "cuTensorMapEncodeIm2col")]
    private static partial int TensorMapEncodeIm2col(
        byte* map, int type, uint rank, nint address, ulong* extents, ulong* strides, int* lower, int* upper,
        uint channels, uint pixels, uint* steps, int interleave, int swizzle, int promotion, int fill);
}
