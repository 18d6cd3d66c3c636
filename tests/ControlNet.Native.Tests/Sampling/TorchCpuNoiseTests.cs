using System;
using System.Linq;
using ControlNet.Native.Sampling;
using Xunit;

namespace ControlNet.Native.Tests.Sampling;

public class TorchCpuNoiseTests
{
    /// <summary>The start of <c>torch.manual_seed(0); torch.randn(4)</c>: the best-known numbers of torch.</summary>
    [Fact]
    public void Seed_zero_begins_as_everywhere()
    {
        float[] normals = Draw(new TorchCpuNoise(0), 4);

        Assert.Equal([1.5410, -0.2934, -2.1788, 0.5684], normals.Select(x => Math.Round(x, 4)));
    }

    [Fact]
    public void Only_the_low_half_of_the_seed_matters()
    {
        float[] expected = Draw(new TorchCpuNoise(5), 32);

        Assert.Equal(expected, Draw(new TorchCpuNoise((1UL << 32) + 5), 32));
        Assert.NotEqual(expected, Draw(new TorchCpuNoise(6), 32));
    }

    [Fact]
    public void Half_a_pair_waits_for_the_next_short_call()
    {
        float[] together = Draw(new TorchCpuNoise(42), 3);
        TorchCpuNoise apart = new(42);
        float[] first = Draw(apart, 1), second = Draw(apart, 1), third = Draw(apart, 1);
        float[] joined = [.. first, .. second, .. third];

        Assert.Equal(together, joined);

        // A long call in between neither uses nor clears it.
        TorchCpuNoise interrupted = new(42);
        _ = Draw(interrupted, 1);
        _ = Draw(interrupted, 16);
        Assert.Equal(second, Draw(interrupted, 1));
    }

    [Fact]
    public void A_ragged_end_is_drawn_anew()
    {
        float[] whole = Draw(new TorchCpuNoise(1), 16), ragged = Draw(new TorchCpuNoise(1), 17);

        Assert.Equal(whole[0], ragged[0]);
        Assert.NotEqual(whole[1], ragged[1]);
    }

    [Fact]
    public void An_empty_call_draws_nothing()
    {
        TorchCpuNoise noise = new(3);
        noise.FillNormal(Span<float>.Empty);
        noise.FillNormal(Span<double>.Empty);

        Assert.Equal(Draw(new TorchCpuNoise(3), 20), Draw(noise, 20));
    }

    [Fact]
    public void Normal_numbers_have_mean_zero_and_variance_one()
    {
        float[] normals = Draw(new TorchCpuNoise(2024), 1 << 20);
        double mean = normals.Average(x => (double)x);
        double variance = normals.Average(x => (x - mean) * (x - mean));

        // Five standard errors of 2^20 samples.
        Assert.InRange(mean, -0.005, 0.005);
        Assert.InRange(variance, 0.993, 1.007);
        Assert.InRange(normals.Max(), 4, 6);
    }

    [Fact]
    public void Integers_stay_in_range()
    {
        long[] integers = new long[5000];
        new TorchCpuNoise(7).FillIntegers(integers, -3, 4);
        Assert.Equal([-3, -2, -1, 0, 1, 2, 3], integers.Distinct().Order());

        new TorchCpuNoise(7).FillIntegers(integers, long.MinValue, long.MaxValue);
        Assert.Contains(integers, value => value < 0);
        Assert.Contains(integers, value => value > 0);
        Assert.Throws<ArgumentOutOfRangeException>(() => new TorchCpuNoise(7).FillIntegers(integers, 4, 4));
    }

    [Fact]
    public void A_permutation_holds_every_integer_once()
    {
        int[] order = new TorchCpuNoise(9).Permutation(1000);

        Assert.NotEqual(Enumerable.Range(0, 1000), order);
        Assert.Equal(Enumerable.Range(0, 1000), order.Order());
        Assert.Empty(new TorchCpuNoise(9).Permutation(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TorchCpuNoise(9).Permutation(-1));
    }

    private static float[] Draw(TorchCpuNoise noise, int count)
    {
        float[] normals = new float[count];
        noise.FillNormal(normals);
        return normals;
    }
}
