using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ControlNet.Native.Tensors.Cpu.Gemm;

/// <summary>
/// A micro-kernel as the driver calls it: up to <see cref="MaxRows"/> rows of a times one panel <c>b[depth][32]</c>,
/// stored into or added to c. Arguments: rows, depth, a, lda, b, c, ldc, accumulate, ahead. Strides are in floats;
/// <c>ahead</c> is memory to prefetch, 64 bytes for each step of depth, or null.
/// </summary>
internal readonly unsafe struct GemmKernel
{
    /// <summary>Columns of a panel, the same for every instruction set, so that packed weights are too.</summary>
    public const int PanelColumns = 32;

    /// <summary>Columns of a panel that a narrow kernel computes.</summary>
    public const int NarrowColumns = 16;

    private static readonly (string Name, Func<string?> Refuse, Func<GemmKernel> Make)[] s_bestFirst =
    [
        ("avx512", static () => Avx512F.IsSupported ? null : "needs AVX-512", static () =>
            new(
                Gemm14x32Avx512.MaxRows, &Gemm14x32Avx512.RowMajor, &Gemm14x32Avx512.Transposed,
                &Gemm14x32Avx512.RowMajorNarrow, &Gemm14x32Avx512.TransposedNarrow)),
        ("avx2", static () => Avx2.IsSupported && Fma.IsSupported ? null : "needs AVX2 with FMA", static () =>
            new(
                Gemm6x16Avx2.MaxRows, &Gemm6x16Avx2.RowMajor, &Gemm6x16Avx2.Transposed,
                &Gemm6x16Avx2.RowMajorNarrow, &Gemm6x16Avx2.TransposedNarrow)),
        ("vector128", static () => Vector128.IsHardwareAccelerated ? null : "needs 128-bit vectors", static () =>
            new(
                Gemm6x8Vector128.MaxRows, &Gemm6x8Vector128.RowMajor, &Gemm6x8Vector128.Transposed,
                &Gemm6x8Vector128.RowMajorNarrow, &Gemm6x8Vector128.TransposedNarrow)),
        ("scalar", static () => null, static () =>
            new(
                Gemm2x4Scalar.MaxRows, &Gemm2x4Scalar.RowMajor, &Gemm2x4Scalar.Transposed,
                &Gemm2x4Scalar.RowMajorNarrow, &Gemm2x4Scalar.TransposedNarrow)),
    ];

    private GemmKernel(
        int maxRows,
        delegate*<int, nint, float*, nint, float*, float*, nint, bool, byte*, void> rowMajor,
        delegate*<int, nint, float*, nint, float*, float*, nint, bool, byte*, void> transposed,
        delegate*<int, nint, float*, nint, float*, float*, nint, bool, byte*, void> rowMajorNarrow,
        delegate*<int, nint, float*, nint, float*, float*, nint, bool, byte*, void> transposedNarrow)
    {
        MaxRows = maxRows;
        RowMajor = rowMajor;
        Transposed = transposed;
        RowMajorNarrow = rowMajorNarrow;
        TransposedNarrow = transposedNarrow;
    }

    /// <summary>Rows one call may have.</summary>
    public int MaxRows { get; }

    /// <summary>For <c>a[i * lda + k]</c>.</summary>
    public delegate*<int, nint, float*, nint, float*, float*, nint, bool, byte*, void> RowMajor { get; }

    /// <summary>For <c>a[k * lda + i]</c>.</summary>
    public delegate*<int, nint, float*, nint, float*, float*, nint, bool, byte*, void> Transposed { get; }

    /// <summary>
    /// The same for the first <see cref="NarrowColumns"/> columns of a panel: for a last one that has no more.
    /// </summary>
    public delegate*<int, nint, float*, nint, float*, float*, nint, bool, byte*, void> RowMajorNarrow
    {
        get;
    }

    /// <summary>As <see cref="RowMajorNarrow"/>, for <c>a[k * lda + i]</c>.</summary>
    public delegate*<int, nint, float*, nint, float*, float*, nint, bool, byte*, void> TransposedNarrow
    {
        get;
    }

    /// <summary>Names of the list, best first.</summary>
    public static IEnumerable<string> Names => s_bestFirst.Select(static entry => entry.Name);

    /// <summary>
    /// The first kernel of the list that this processor does not refuse, or the one <see cref="ForcedImplementations"/>
    /// pins.
    /// </summary>
    public static GemmKernel Best { get; } = Choose(ForcedImplementations.FromEnvironment().Gemm);

    /// <summary>Why this processor cannot run a kernel of the list; null when it can.</summary>
    public static string? RefusalOf(string name) => s_bestFirst.First(entry => entry.Name == name).Refuse();

    private static GemmKernel Choose(string? pinned)
    {
        foreach ((string name, Func<string?> refuse, Func<GemmKernel> make) in s_bestFirst)
        {
            if (pinned is null ? refuse() is null : name == pinned)
            {
                return make();
            }
        }

        throw new InvalidOperationException("the scalar kernel refuses nothing");
    }
}
