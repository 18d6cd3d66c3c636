using System;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Cpu.Gemm;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Backends;

/// <summary>Every micro-kernel this processor can run, not only the one it prefers.</summary>
public sealed unsafe class GemmKernelTests
{
    private const int MostRows = 16, MostDepth = 40, Width = 32, Narrow = GemmKernel.NarrowColumns, Stride = 50;

    [Fact]
    public void The_avx512_kernel_is_its_definition()
    {
        if (Avx512F.IsSupported)
        {
            Check(Gemm14x32Avx512.MaxRows, &Gemm14x32Avx512.RowMajor, &Gemm14x32Avx512.Transposed, Width);
            Check(Gemm14x32Avx512.MaxRows, &Gemm14x32Avx512.RowMajorNarrow, &Gemm14x32Avx512.TransposedNarrow, Narrow);
        }

        Assert.Equal(14, Gemm14x32Avx512.MaxRows);
    }

    [Fact]
    public void The_avx2_kernel_is_its_definition()
    {
        if (Avx2.IsSupported && Fma.IsSupported)
        {
            Check(Gemm6x16Avx2.MaxRows, &Gemm6x16Avx2.RowMajor, &Gemm6x16Avx2.Transposed, Width);
            Check(Gemm6x16Avx2.MaxRows, &Gemm6x16Avx2.RowMajorNarrow, &Gemm6x16Avx2.TransposedNarrow, Narrow);
        }

        Assert.Equal(6, Gemm6x16Avx2.MaxRows);
    }

    [Fact]
    public void The_128_bit_kernel_is_its_definition()
    {
        Check(Gemm6x8Vector128.MaxRows, &Gemm6x8Vector128.RowMajor, &Gemm6x8Vector128.Transposed, Width);
        Check(Gemm6x8Vector128.MaxRows, &Gemm6x8Vector128.RowMajorNarrow, &Gemm6x8Vector128.TransposedNarrow, Narrow);
    }

    [Fact]
    public void The_scalar_kernel_is_its_definition()
    {
        Check(Gemm2x4Scalar.MaxRows, &Gemm2x4Scalar.RowMajor, &Gemm2x4Scalar.Transposed, Width);
        Check(Gemm2x4Scalar.MaxRows, &Gemm2x4Scalar.RowMajorNarrow, &Gemm2x4Scalar.TransposedNarrow, Narrow);
    }

    /// <summary>The suite runs again with these switches; here it makes sure that they did what they should.</summary>
    [Theory]
    [InlineData("DOTNET_EnableAVX512", "AVX-512")]
    [InlineData("DOTNET_EnableAVX2", "AVX2")]
    [InlineData("DOTNET_EnableHWIntrinsic", "128-bit vectors")]
    public void A_switch_of_the_runtime_takes_its_instructions_away(string variable, string absent)
    {
        using Device cpu = Devices.Cpu(2);
        if (Environment.GetEnvironmentVariable(variable) == "0")
        {
            Assert.DoesNotContain(absent, cpu.Description, StringComparison.Ordinal);
        }

        string expected = Avx512F.IsSupported ? "AVX-512"
            : Avx2.IsSupported && Fma.IsSupported ? "AVX2"
            : Vector128.IsHardwareAccelerated ? "128-bit vectors" : "scalar code";
        Assert.Equal($"{expected}, 2 threads", cpu.Description);
    }

    private static void Check(
        int maxRows,
        delegate*<int, nint, float*, nint, float*, float*, nint, bool, byte*, void> rowMajor,
        delegate*<int, nint, float*, nint, float*, float*, nint, bool, byte*, void> transposed,
        int columns)
    {
        float[] a = RandomFloats.Uniform(Stride * Stride, 1), b = RandomFloats.Uniform(MostDepth * Width, 2);
        for (int rows = 1; rows <= maxRows; rows++)
        {
            foreach (int depth in (int[])[0, 1, 2, MostDepth])
            {
                foreach (bool accumulate in (bool[])[false, true])
                {
                    CheckOne(rows, depth, a, b, accumulate, rowMajor, Stride, 1, columns);
                    CheckOne(rows, depth, a, b, accumulate, transposed, 1, Stride, columns);
                }
            }
        }
    }

    /// <summary>a[i * rowStep + k * depthStep]; c has a border that must stay as it was.</summary>
    private static void CheckOne(
        int rows, int depth, float[] a, float[] b, bool accumulate,
        delegate*<int, nint, float*, nint, float*, float*, nint, bool, byte*, void> kernel, int rowStep, int depthStep,
        int columns)
    {
        float[] c = RandomFloats.Uniform((MostRows + 1) * Stride, 3);
        double[] expected = Array.ConvertAll(c, static v => (double)v);
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
            {
                double sum = accumulate ? c[(i * Stride) + j] : 0;
                for (int k = 0; k < depth; k++)
                {
                    sum += (double)a[(i * rowStep) + (k * depthStep)] * b[(k * Width) + j];
                }

                expected[(i * Stride) + j] = sum;
            }
        }

        fixed (float* pa = a, pb = b, pc = c)
        {
            kernel(rows, depth, pa, Stride, pb, pc, Stride, accumulate, null);
        }

        Close.To(expected, c, 1e-6);
    }
}
