using System;
using System.IO;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tensors.Gpu;
using ControlNet.Native.Tensors.Gpu.Cuda;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Backends;

/// <summary>What reaches a driver, and what a late failure is blamed on.</summary>
public sealed class GpuLauncherTests
{
    [Fact]
    public void Equal_variants_are_built_once_and_empty_grids_never()
    {
        CountingGpu gpu = new(1 << 20);
        using GpuMemory memory = new(gpu);
        GpuLauncher launcher = new(gpu, memory, synchronous: false);
        launcher.Launch(Variant(1), new GridSize(3, 0));
        Assert.Empty(gpu.Built);
        launcher.Launch(Variant(1), new GridSize(3));
        launcher.Launch(Variant(1), new GridSize(4));
        launcher.Launch(Variant(2), new GridSize(3));
        Assert.Equal((2, 3, 0), (gpu.Built.Count, gpu.Launched.Count, gpu.Synchronisations));
        Assert.Equal("k TILE=2 WEIGHT=1", gpu.Built[1].Module);
    }

    [Fact]
    public void Launches_are_waited_for_when_asked()
    {
        CountingGpu gpu = new(1 << 20);
        using GpuMemory memory = new(gpu);
        new GpuLauncher(gpu, memory, synchronous: true).Launch(Variant(1), new GridSize(1));
        Assert.Equal(1, gpu.Synchronisations);
    }

    [Fact]
    public void A_buffer_is_its_memory_and_its_first_element()
    {
        CountingGpu gpu = new(1 << 30);
        using GpuMemory memory = new(gpu);
        GpuLauncher launcher = new(gpu, memory);
        BufferView view = launcher.Scratch(DType.F16, 100, out MemoryBlock block);
        using (block)
        {
            Assert.Equal(256, block.Bytes);
            nint handle = ((GpuBlock)view.Block).Memory;
            using MemoryBlock next = launcher.Allocate(100);
            KernelArgument argument = new BufferView(next, DType.F16, 5, 10), absent = BufferView.None;
            Assert.Equal((true, handle, 128L + 5), (argument.IsBuffer, argument.Memory, argument.Bits));
            Assert.Equal((true, (nint)0, 0L), (absent.IsBuffer, absent.Memory, absent.Bits));
        }

        KernelArgument number = 1.5f, negative = -1, wide = -1L;
        Assert.Equal((0x3FC00000L, 4), (number.Bits, number.Bytes));
        Assert.Equal((0xFFFFFFFFL, 4), (negative.Bits, negative.Bytes));
        Assert.Equal((-1L, 8), (wide.Bits, wide.Bytes));
    }

    [Fact]
    public void The_last_launches_are_told_the_newest_first()
    {
        LaunchHistory history = new();
        Assert.Null(history.Describe());
        history.Add(Variant(1));
        history.Add(Variant(2));
        history.Add(Variant(2));
        Assert.Equal("run (k TILE=2 WEIGHT=1) or before it run (k TILE=1 WEIGHT=1)", history.Describe());
        history.Clear();
        Assert.Null(history.Describe());
    }

    [Fact]
    public void Libraries_that_are_absent_or_broken_have_a_reason()
    {
        using ScratchFolder folder = new();
        string broken = folder.Path("libbroken.so");
        File.WriteAllText(broken, "no library");
        Assert.Equal(
            new NativeLibraryState(0, "switched off by the environment"), NativeLibraries.Load("none", "libm.so.6"));
        Assert.Equal(new NativeLibraryState(0, $"{broken} does not load"), NativeLibraries.Load(broken));
        Assert.Equal(
            new NativeLibraryState(0, $"{broken}2 is not there"), NativeLibraries.Load($"{broken}2", "libm.so.6"));
        Assert.Equal(
            new NativeLibraryState(0, "libno1.so is not installed"),
            NativeLibraries.Load("", "libno1.so", "libno2.so"));
    }

    [Theory]
    [InlineData("NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu\nGCC  12.2.0", "550.54.14")]
    [InlineData("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build", "570.86.15")]
    [InlineData("NVRM version: x86_64\nGCC version:  12.2.0", null)]
    [InlineData("", null)]
    public void The_version_of_a_driver_is_read_where_linux_tells_it(string text, string? version) =>
        Assert.Equal(version, NvidiaModule.VersionIn(text));

    [Fact]
    public void A_cache_that_cannot_be_written_is_none()
    {
        using ScratchFolder folder = new();
        string file = folder.Path("file");
        File.WriteAllText(file, "");
        KernelCache cache = new(Path.Combine(file, "below"));
        cache.Keep("key", [1, 2, 3]);
        Assert.Null(cache.Find("key"));
        Assert.Null(new KernelCache(null).Find("key"));
        Assert.NotEqual(KernelCache.Key("a", "bc"), KernelCache.Key("ab", "c"));
    }

    private static KernelVariant Variant(int tile) =>
        new("k", "run", new GridSize(64), new KernelDefine("TILE", tile), new KernelDefine("WEIGHT", 1));
}
