using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Training;
using Xunit;

namespace ControlNet.Native.Tests.Training;

public sealed class SampleOrderTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(5000)]
    public void Every_sample_comes_once_an_epoch(int count)
    {
        SampleOrder order = new(count, seed: 7);

        for (long epoch = 0; epoch < 3; epoch++)
        {
            Assert.Equal(Enumerable.Range(0, count), Epoch(order, epoch).Order());
        }
    }

    [Fact]
    public void Epochs_and_seeds_differ()
    {
        int[] first = Epoch(new(100, 1), 0);

        Assert.NotEqual(Enumerable.Range(0, 100), first);
        Assert.NotEqual(first, Epoch(new(100, 1), 1));
        Assert.NotEqual(first, Epoch(new(100, 2), 0));
    }

    [Fact]
    public void A_position_depends_on_nothing_that_came_before()
    {
        SampleOrder straight = new(37, 5), jumping = new(37, 5);
        int[] expected = [.. Enumerable.Range(0, 200).Select(i => straight.At(i))];

        Assert.Equal(expected.Reverse(), Enumerable.Range(0, 200).Select(i => jumping.At(199 - i)));
    }

    /// <summary>Computed from the definition in Python.</summary>
    [Fact]
    public void The_order_is_the_same_in_every_version() =>
        Assert.Equal([7, 1, 0, 6, 5, 2, 3, 8, 4, 9], Epoch(new(10, 42), 3));

    [Fact]
    public void Large_sets_and_late_positions_are_in_range()
    {
        SampleOrder order = new(int.MaxValue, 9);

        Assert.InRange(order.At(long.MaxValue), 0, int.MaxValue - 1);
        Assert.InRange(new SampleOrder(3, 9).At(long.MaxValue), 0, 2);
    }

    /// <summary>
    /// All orders of four samples, each 1 of 24: a count of 48000 / 24 has a standard deviation of 44 and may be off by
    /// six of them.
    /// </summary>
    [Fact]
    public void All_orders_of_a_small_set_are_equally_likely()
    {
        SampleOrder order = new(4, 11);
        Dictionary<string, int> seen = [];
        for (long epoch = 0; epoch < 48000; epoch++)
        {
            string key = string.Concat(Epoch(order, epoch));
            seen[key] = seen.GetValueOrDefault(key) + 1;
        }

        Assert.Equal(24, seen.Count);
        Assert.All(seen.Values, times => Assert.InRange(times, 2000 - 264, 2000 + 264));
    }

    [Fact]
    public void What_has_no_order_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new SampleOrder(0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SampleOrder(1, 1).At(-1));
    }

    private static int[] Epoch(SampleOrder order, long epoch) =>
        [.. Enumerable.Range(0, order.Count).Select(i => order.At(epoch * order.Count + i))];
}
