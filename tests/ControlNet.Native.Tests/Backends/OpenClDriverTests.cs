using System;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tensors.Gpu;
using ControlNet.Native.Tests.Support;
using Xunit;
using Xunit.Abstractions;

namespace ControlNet.Native.Tests.Backends;

/// <summary>Copies, launches and failures on a real OpenCL driver; PoCL is enough.</summary>
[Collection(OpenClUnderTest.Collection)]
public sealed class OpenClDriverTests(ITestOutputHelper output)
{
    /// <summary>y[i] = add * x[i] + count, with what an absent buffer is standing for 100.</summary>
    private const string Affine = """
        #include "prelude.h"
        KERNEL(affine, 64, 1, 1)(IN(float, x), IN(float, absent), OUT(float, y), i64 count, int add, float factor)
        {
            AT(x);
            AT(absent);
            AT(y);
            i64 i = (i64)BID_X * 64 + TID_X;
            if (i < count)
            {
                y[i] = FMA(factor, x[i], (float)(add + BIAS)) + (absent ? 100.0f : 0.0f);
            }
        }
        """;

    private static readonly KernelVariant s_affine = new("affine", "affine", new GridSize(64), "BIAS=3");

    [Fact]
    public void Copies_at_any_offset()
    {
        if (Open() is not { } driver)
        {
            return;
        }

        using (driver)
        {
            nint memory = driver.Allocate(4096);
            byte[] bytes = [.. Enumerable.Range(0, 1000).Select(i => (byte)i)], read = new byte[999];
            driver.Upload(bytes, memory, 3);
            driver.Upload([77], memory, 5);
            driver.Download(memory, 4, read);
            bytes[2] = 77;
            Assert.Equal(bytes[1..], read);
            driver.Free(memory);
        }
    }

    [Fact]
    public void A_kernel_sees_offsets_numbers_and_absent_buffers()
    {
        if (Open() is not { } driver)
        {
            return;
        }

        using (driver)
        {
            using GpuMemory memory = new(driver);
            GpuLauncher launcher = new(driver, memory, synchronous: true);
            using MemoryBlock block = memory.Allocate(sizeof(float) * 400);
            float[] values = [.. Enumerable.Range(0, 400).Select(i => (float)i)];
            driver.Upload(MemoryMarshal.AsBytes<float>(values), ((GpuBlock)block).Memory, 0);
            BufferView x = new(block, DType.F32, 7, 100), y = new(block, DType.F32, 201, 100);

            launcher.Launch(s_affine, new GridSize(2), x, BufferView.None, y, 100L, -8, 0.5f);
            launcher.Launch(s_affine, new GridSize(0), x, BufferView.None, x, 100L, -8, 0.5f);

            float[] read = Read(driver, block);
            for (int i = 0; i < 400; i++)
            {
                Assert.Equal(i is >= 201 and < 301 ? (0.5f * (i - 201 + 7)) - 5 : i, read[i]);
            }

            launcher.Launch(s_affine, new GridSize(2), x, x, y, 100L, -8, 0.5f);
            Assert.Equal((0.5f * 7) - 5 + 100, Read(driver, block)[201]);
        }
    }

    [Fact]
    public void A_kernel_that_does_not_build_says_why()
    {
        if (Open("\nKERNEL(bad, 64, 1, 1)(OUT(float, y)) { undeclared_thing = BIAS; }\n") is not { } driver)
        {
            return;
        }

        using (driver)
        {
            KernelVariant kernel = new("bad", "bad", new GridSize(64), "BIAS=3");
            GpuException failure = Assert.Throws<GpuException>(() => driver.Build(kernel));
            Assert.Equal("clBuildProgram", failure.Operation);
            Assert.Equal(driver.Name, failure.DeviceName);
            Assert.Equal("bad (bad BIAS=3)", failure.Kernel);
            Assert.StartsWith("CL_", failure.CodeName, StringComparison.Ordinal);
            Assert.NotEqual(0, failure.Code);
            Assert.Contains("undeclared_thing", failure.BuildLog, StringComparison.Ordinal);
            Assert.Contains("undeclared_thing", failure.Message, StringComparison.Ordinal);
            Assert.Throws<GpuException>(() => driver.Build(kernel));
        }
    }

    [Fact]
    public void A_kernel_that_is_not_there_is_named()
    {
        if (Open() is not { } driver)
        {
            return;
        }

        using (driver)
        {
            GpuException failure = Assert.Throws<GpuException>(() => driver.Build(s_affine with { Entry = "none" }));
            Assert.Equal(
                $"{driver.Name}: clCreateKernel for kernel none (affine BIAS=3) failed with CL_INVALID_KERNEL_NAME " +
                "(-46)",
                failure.Message);
        }
    }

    [Fact]
    public void A_refused_launch_names_the_kernel_and_the_device_goes_on()
    {
        if (Open() is not { } driver)
        {
            return;
        }

        using (driver)
        {
            KernelVariant wrong = s_affine with { Block = new GridSize(32) };
            nint function = driver.Build(wrong), memory = driver.Allocate(256);
            GpuException failure = Assert.Throws<GpuException>(
                () => driver.Launch(wrong, function, new GridSize(1), [BufferView.None, BufferView.None, 1]));
            Assert.Equal("affine (affine BIAS=3)", failure.Kernel);
            byte[] read = new byte[1];
            driver.Upload([9], memory, 0);
            driver.Download(memory, 0, read);
            Assert.Equal(9, read[0]);
            driver.Free(memory);
        }
    }

    [Fact]
    public void Built_programs_are_kept_and_a_damaged_one_is_built_again()
    {
        using ScratchFolder folder = new();
        KernelCache first = new(folder.Root), second = new(folder.Root), third = new(folder.Root);
        if (Open(Affine, first) is not { } driver)
        {
            return;
        }

        using (driver)
        {
            driver.Build(s_affine);
        }

        string kept = Assert.Single(Directory.GetFiles(folder.Root));
        Assert.Equal(0, first.Hits);
        BuildWith(second);
        Assert.Equal(1, second.Hits);
        byte[] bytes = File.ReadAllBytes(kept);
        bytes[^1] ^= 1;
        File.WriteAllBytes(kept, bytes);
        BuildWith(third);
        Assert.Equal(0, third.Hits);
        bytes[^1] ^= 1;
        Assert.Equal(bytes.Length, new FileInfo(kept).Length);
        Assert.Single(Directory.GetFiles(folder.Root));
    }

    [Fact]
    public void What_the_driver_refuses_is_built_again()
    {
        using ScratchFolder folder = new();
        if (Open(Affine, new KernelCache(folder.Root)) is not { } driver)
        {
            return;
        }

        using (driver)
        {
            driver.Build(s_affine);
        }

        string key = Path.GetFileNameWithoutExtension(Assert.Single(Directory.GetFiles(folder.Root)));
        KernelCache cache = new(folder.Root);
        cache.Keep(key, [1, 2, 3, 4, 5]);
        BuildWith(cache);
        Assert.Equal(1, cache.Hits);
        Assert.NotEqual(5, cache.Find(key)!.Length);
    }

    private static float[] Read(IGpuDriver driver, MemoryBlock block)
    {
        float[] values = new float[400];
        driver.Download(((GpuBlock)block).Memory, 0, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    private IGpuDriver? Open(string text = Affine, KernelCache? cache = null) =>
        OpenClUnderTest.Find(output)?.Open(OpenClUnderTest.Kernels(text, cache));

    private void BuildWith(KernelCache cache)
    {
        using IGpuDriver driver = Open(Affine, cache)!;
        Assert.NotEqual(0, driver.Build(s_affine));
    }
}
