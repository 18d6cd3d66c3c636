using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tensors.Gpu;
using ControlNet.Native.Tests.Support;
using Xunit;
using Xunit.Abstractions;

namespace ControlNet.Native.Tests.Backends;

/// <summary>How device memory is kept, counted and refused.</summary>
[Collection(OpenClUnderTest.Collection)]
public sealed class GpuMemoryTests(ITestOutputHelper output)
{
    private const long MiB = 1 << 20;

    [Fact]
    public void Blocks_alive_never_overlap()
    {
        Random random = new(7);
        using GpuMemory memory = new(new CountingGpu(1L << 40));
        List<GpuBlock> alive = [];
        for (int i = 0; i < 3000; i++)
        {
            if (alive.Count < 40 && random.Next(5) < 3)
            {
                int bytes = random.Next(3) == 0 ? random.Next(1000) : random.Next(3 << 20);
                GpuBlock block = (GpuBlock)memory.Allocate(bytes);
                Assert.Equal(0, block.Start % 256);
                Assert.DoesNotContain(
                    alive, other => other.Memory == block.Memory && other.Start < block.Start + block.Bytes &&
                        block.Start < other.Start + other.Bytes);
                alive.Add(block);
            }
            else if (alive.Count > 0)
            {
                GpuBlock block = alive[random.Next(alive.Count)];
                block.Dispose();
                block.Dispose();
                alive.Remove(block);
            }

            Assert.Equal((alive.Count, alive.Sum(block => block.Bytes)), (memory.BlocksInUse, memory.BytesInUse));
        }

        alive.ForEach(block => block.Dispose());
        Assert.Equal((0, 0), (memory.BlocksInUse, memory.BytesInUse));
    }

    [Fact]
    public void Counts_what_is_handed_out_and_what_is_held()
    {
        CountingGpu gpu = new(512 * MiB);
        using GpuMemory memory = new(gpu);
        MemoryBlock a = memory.Allocate(4 * MiB), b = memory.Allocate(2 * MiB), c = memory.Allocate(100);
        Assert.Equal((3, (6 * MiB) + 256), (memory.BlocksInUse, memory.BytesInUse));
        a.Dispose();
        c.Dispose();
        Assert.Equal((1, 2 * MiB), (memory.BlocksInUse, memory.BytesInUse));
        Assert.Equal(((6 * MiB) + 256, 66 * MiB), (memory.PeakBytesInUse, memory.PeakBytes));
        Assert.Equal((66 * MiB, 2), (gpu.HeldBytes, gpu.Allocations));
        memory.Trim();
        Assert.Equal((64 * MiB, 1), (gpu.HeldBytes, gpu.Synchronisations));
        b.Dispose();
        Assert.Equal((0, 0), (memory.BlocksInUse, memory.BytesInUse));
        memory.Dispose();
        Assert.Equal(0, gpu.HeldBytes);
    }

    [Fact]
    public void Freed_neighbours_serve_a_larger_block_without_waiting()
    {
        CountingGpu gpu = new(512 * MiB);
        using GpuMemory memory = new(gpu);
        MemoryBlock[] blocks = [.. Enumerable.Range(0, 8).Select(_ => memory.Allocate(8 * MiB))];
        foreach (int i in (int[])[3, 1, 2, 4])
        {
            blocks[i].Dispose();
        }

        using MemoryBlock large = memory.Allocate(32 * MiB);
        Assert.Equal((1, 0), (gpu.Allocations, gpu.Synchronisations));
    }

    [Fact]
    public void What_is_kept_goes_back_before_more_is_taken()
    {
        CountingGpu gpu = new(100 * MiB);
        using GpuMemory memory = new(gpu);
        memory.Allocate(70 * MiB).Dispose();
        using MemoryBlock other = memory.Allocate(90 * MiB);
        Assert.Equal((90 * MiB, 1), (gpu.HeldBytes, gpu.Synchronisations));
        Assert.Equal(90 * MiB, memory.PeakBytes);
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
