using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tensors.Cpu;
using Xunit;

namespace ControlNet.Native.Tests.Backends;

/// <summary>How host memory is cut into blocks, and that planning cuts the same.</summary>
public sealed class CpuMemoryTests
{
    private const long MiB = 1 << 20;

    [Fact]
    public unsafe void Blocks_alive_never_overlap_and_keep_what_was_written()
    {
        Random random = new(7);
        using CpuMemory memory = new(new NativeHostMemory());
        List<(MemoryBlock Block, byte Mark)> alive = [];
        for (int i = 0; i < 3000; i++)
        {
            if (alive.Count < 40 && random.Next(5) < 3)
            {
                int bytes = random.Next(5) == 0 ? random.Next(1, 1000) : random.Next(1, 3 << 20);
                MemoryBlock block = memory.Allocate(bytes);
                byte mark = (byte)random.Next(256);
                Bytes(block).Fill(mark);
                alive.Add((block, mark));
            }
            else if (alive.Count > 0)
            {
                (MemoryBlock block, byte mark) = alive[random.Next(alive.Count)];
                Assert.Equal(-1, Bytes(block).IndexOfAnyExcept(mark));
                Assert.Equal(0, block.HostAddress % 64);
                block.Dispose();
                alive.Remove((block, mark));
            }

            Assert.Equal((alive.Count, alive.Sum(pair => pair.Block.Bytes)), (memory.BlocksInUse, memory.BytesInUse));
        }

        alive.ForEach(pair => pair.Block.Dispose());
        Assert.Equal((0, 0), (memory.BlocksInUse, memory.BytesInUse));

        static Span<byte> Bytes(MemoryBlock block) => new((void*)block.HostAddress, (int)block.Bytes);
    }

    [Fact]
    public void Freed_neighbours_serve_a_larger_block()
    {
        using CpuMemory memory = new(new ImaginedHostMemory());
        MemoryBlock[] blocks = [.. Enumerable.Range(0, 8).Select(_ => memory.Allocate(8 * MiB))];
        long held = memory.PeakBytes;
        foreach (int i in (int[])[3, 1, 2, 4])
        {
            blocks[i].Dispose();
        }

        using MemoryBlock large = memory.Allocate(32 * MiB);
        Assert.Equal(held, memory.PeakBytes);
    }

    [Fact]
    public void What_no_block_uses_goes_back_before_more_is_taken()
    {
        using CpuMemory memory = new(new ImaginedHostMemory());
        memory.Allocate(200 * MiB).Dispose();
        using MemoryBlock larger = memory.Allocate(300 * MiB);
        Assert.Equal(300 * MiB, memory.PeakBytes);
    }

    [Fact]
    public void Pages_no_block_uses_go_back_before_more_is_taken()
    {
        using CpuMemory memory = new(new ImaginedHostMemory());
        using MemoryBlock small = memory.Allocate(5 * MiB);
        using MemoryBlock hole = memory.Allocate(40 * MiB);
        hole.Dispose();
        using MemoryBlock larger = memory.Allocate(300 * MiB);

        // Of the region of 64 MiB the large page that the small block shares stays with it. Other systems keep all.
        bool givesBack = OperatingSystem.IsLinux();
        Assert.Equal((givesBack ? 306 : 364) * MiB, memory.PeakBytes);
        using MemoryBlock again = memory.Allocate(40 * MiB);
        Assert.Equal((givesBack ? 346 : 364) * MiB, memory.PeakBytes);
    }

    [Fact]
    public unsafe void Pages_given_back_can_be_used_again()
    {
        using CpuMemory memory = new(new NativeHostMemory());
        using MemoryBlock small = memory.Allocate(MiB);
        new Span<byte>((void*)small.HostAddress, (int)MiB).Fill(3);
        MemoryBlock hole = memory.Allocate(40 * MiB);
        new Span<byte>((void*)hole.HostAddress, (int)(40 * MiB)).Fill(5);
        hole.Dispose();
        memory.Trim();
        using MemoryBlock again = memory.Allocate(40 * MiB);
        new Span<byte>((void*)again.HostAddress, (int)(40 * MiB)).Fill(7);
        Assert.Equal(-1, new Span<byte>((void*)again.HostAddress, (int)(40 * MiB)).IndexOfAnyExcept((byte)7));
        Assert.Equal(-1, new Span<byte>((void*)small.HostAddress, (int)MiB).IndexOfAnyExcept((byte)3));
    }

    [Fact]
    public void Disposing_twice_returns_once()
    {
        using CpuMemory memory = new(new ImaginedHostMemory());
        MemoryBlock one = memory.Allocate(MiB);
        one.Dispose();
        one.Dispose();
        using MemoryBlock a = memory.Allocate(MiB), b = memory.Allocate(MiB);
        Assert.Equal((2, 2 * MiB), (memory.BlocksInUse, memory.BytesInUse));
    }

    [Fact]
    public void A_device_that_plans_holds_nothing_and_reads_as_zeros()
    {
        using Device cpu = Devices.Cpu(1);
        using Device planner = cpu.ForPlanning();
        using Tensor huge = Tensor.Zeros(planner, new Shape(1 << 14, 1 << 14));
        using Tensor small = Tensor.From(planner, new Shape(2), [1f, 2f]);
        Assert.Equal([0f, 0f], small.ToArray());
        Assert.True(cpu.HoldsData && !planner.HoldsData);
        Assert.Equal(1L << 30, huge.Bytes);
        Assert.InRange(planner.BytesInUse, 1L << 30, (1L << 30) + 4096);
        Assert.Equal(0, cpu.BytesInUse);
    }
}
