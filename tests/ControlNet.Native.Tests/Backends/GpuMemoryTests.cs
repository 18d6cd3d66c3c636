using System;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tensors.Gpu;
using ControlNet.Native.Tests.Support;
using Xunit;
using Xunit.Abstractions;

namespace ControlNet.Native.Tests.Backends;

/// <summary>How device memory is kept, counted and refused.</summary>
public sealed class GpuMemoryTests(ITestOutputHelper output)
{
    private const long MiB = 1 << 20;

    [Theory]
    [InlineData(0, 256)]
    [InlineData(1, 256)]
    [InlineData(257, 512)]
    [InlineData(4096, 4096)]
    [InlineData(4097, 4608)]
    [InlineData(MiB, MiB)]
    [InlineData(MiB + 1, MiB + (MiB / 8))]
    public void Sizes_come_in_classes(long bytes, long size) => Assert.Equal(size, GpuMemory.ClassOf(bytes));

    [Fact]
    public void No_class_wastes_more_than_an_eighth()
    {
        Random random = new(3);
        for (int i = 0; i < 10_000; i++)
        {
            long bytes = 4096 + (long)(Math.Pow(random.NextDouble(), 4) * (1L << 40));
            Assert.InRange(GpuMemory.ClassOf(bytes), bytes, bytes + (bytes / 8) + 1);
        }
    }

    [Fact]
    public void Counts_what_is_handed_out_and_what_is_held()
    {
        CountingGpu gpu = new(64 * MiB);
        using GpuMemory memory = new(gpu);
        MemoryBlock a = memory.Allocate(4 * MiB), b = memory.Allocate(2 * MiB);
        Assert.Equal((2, 6 * MiB), (memory.BlocksInUse, memory.BytesInUse));
        a.Dispose();
        a.Dispose();
        Assert.Equal((1, 2 * MiB), (memory.BlocksInUse, memory.BytesInUse));
        Assert.Equal((6 * MiB, 6 * MiB), (memory.PeakBytesInUse, memory.PeakBytes));
        Assert.Equal(6 * MiB, gpu.HeldBytes);
        memory.Trim();
        Assert.Equal(2 * MiB, gpu.HeldBytes);
        b.Dispose();
        Assert.Equal((0, 0), (memory.BlocksInUse, memory.BytesInUse));
        memory.Dispose();
        Assert.Equal(0, gpu.HeldBytes);
    }

    [Fact]
    public void A_block_is_reused_at_once_and_by_one_a_little_smaller()
    {
        CountingGpu gpu = new(64 * MiB);
        using GpuMemory memory = new(gpu);
        memory.Allocate(8 * MiB).Dispose();
        using (MemoryBlock same = memory.Allocate(7 * MiB))
        {
            Assert.Equal((1, 8 * MiB), (gpu.Allocations, memory.BytesInUse));
        }

        using MemoryBlock small = memory.Allocate(4 * MiB);
        Assert.Equal((2, 0), (gpu.Allocations, gpu.Synchronisations));
    }

    [Fact]
    public void What_is_kept_goes_back_before_anything_is_refused()
    {
        CountingGpu gpu = new(10 * MiB);
        using GpuMemory memory = new(gpu);
        memory.Allocate(6 * MiB).Dispose();
        using MemoryBlock other = memory.Allocate(9 * MiB);
        Assert.Equal((9 * MiB, 1), (gpu.HeldBytes, gpu.Synchronisations));
        Assert.Equal(9 * MiB, memory.PeakBytes);
    }

    [Fact]
    public void A_refusal_names_needed_and_free_bytes_and_changes_nothing()
    {
        CountingGpu gpu = new(10 * MiB);
        using GpuMemory memory = new(gpu);
        using MemoryBlock some = memory.Allocate(4 * MiB);
        Assert.Equal(
            $"test:0: {7 * MiB} bytes are not to be had: {6 * MiB} are free, with {4 * MiB} in use; use smaller " +
            "images, 16-bit weights or dispose a model",
            Assert.Throws<DeviceMemoryException>(() => memory.Allocate(7 * MiB)).Message);
        Assert.Equal((1, 4 * MiB), (memory.BlocksInUse, memory.BytesInUse));
        using MemoryBlock rest = memory.Allocate(6 * MiB);
    }

    [Fact]
    public void A_budget_is_kept_although_the_device_has_more()
    {
        CountingGpu gpu = new(64 * MiB);
        using GpuMemory memory = new(gpu, budgetBytes: 4 * MiB);
        Assert.Contains(
            $"{4 * MiB} are free",
            Assert.Throws<DeviceMemoryException>(() => memory.Allocate(5 * MiB)).Message, StringComparison.Ordinal);
        using MemoryBlock all = memory.Allocate(4 * MiB);
    }

    [Fact]
    public void A_block_larger_than_the_driver_allows_is_refused_with_that_reason()
    {
        using GpuMemory memory = new(new CountingGpu(64 * MiB, maxBlockBytes: 16 * MiB));
        Assert.Contains(
            $", and one block may have {16 * MiB}",
            Assert.Throws<DeviceMemoryException>(() => memory.Allocate(20 * MiB)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Planning_counts_as_the_device_does()
    {
        CountingGpu gpu = new(1L << 40);
        using GpuMemory real = new(gpu), planned = new(new PlanningDriver(gpu), long.MaxValue);
        foreach (GpuMemory memory in (GpuMemory[])[real, planned])
        {
            Random random = new(11);
            MemoryBlock?[] blocks = new MemoryBlock?[20];
            for (int i = 0; i < 2000; i++)
            {
                ref MemoryBlock? block = ref blocks[random.Next(blocks.Length)];
                block?.Dispose();
                block = random.Next(3) > 0 ? memory.Allocate(random.Next(1, 1 << 24)) : null;
            }
        }

        Assert.Equal(
            (real.PeakBytes, real.PeakBytesInUse, real.BytesInUse),
            (planned.PeakBytes, planned.PeakBytesInUse, planned.BytesInUse));
    }

    [Fact]
    public void A_device_that_ran_out_is_usable_afterwards()
    {
        if (OpenClUnderTest.Find(output) is not { } found)
        {
            return;
        }

        using Device device = new(new GpuBackend(found.Open(GpuOptions.Default), budgetBytes: 2 * MiB));
        using TensorScope scope = TensorScope.Enter();
        float[] values = [.. Enumerable.Range(0, 1000).Select(i => (float)i)];
        Tensor before = Tensor.From(device, new Shape(1000), values);
        DeviceMemoryException refusal = Assert.Throws<DeviceMemoryException>(
            () => Tensor.Zeros(device, new Shape(1 << 20)));
        Assert.StartsWith(
            $"{found.Name}: {4 * MiB} bytes are not to be had", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(1, device.BlocksInUse);
        Assert.Equal(values, before.ToArray());
        Assert.Equal(values, Tensor.From(device, new Shape(1000), values).ToArray());
    }
}
