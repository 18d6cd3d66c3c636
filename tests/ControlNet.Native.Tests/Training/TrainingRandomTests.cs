using System;
using System.Linq;
using ControlNet.Native.Training;
using Xunit;

namespace ControlNet.Native.Tests.Training;

public sealed class TrainingRandomTests
{
    private const ulong Seed = 0x0123_4567_89AB_CDEF;
    private const int Count = 100_000;

    private readonly TrainingRandom _random = new(Seed);

    /// <summary>A seed must mean the same numbers in every version; these were worked out apart from it.</summary>
    [Fact]
    public void A_seed_keeps_its_meaning()
    {
        Assert.Equal(
            [958, 886, 230, 467, 466, 779],
            Enumerable.Range(0, 6).Select(i => _random.Below(RandomUse.Timestep, i, 1000)));
        Assert.Equal([1, 7, 3, 0, 4, 5, 2, 6], _random.Permutation(RandomUse.DataOrder, 3, 8));
        float[] expected = [0.078137f, 0.312999f, -0.802348f, -0.982292f, 0.243886f, -0.212505f];
        float[] drawn = new float[expected.Length];
        _random.FillNormal(RandomUse.Noise, 7, drawn);
        Assert.All(expected.Zip(drawn), pair => Assert.Equal(pair.First, pair.Second, 1e-6f));
    }

    /// <summary>What was drawn before, from this use or another, changes nothing.</summary>
    [Fact]
    public void A_number_depends_on_seed_use_and_index_alone()
    {
        float[] all = new float[9];
        _random.FillNormal(RandomUse.Noise, 41, all);
        TrainingRandom again = new(Seed);
        _ = again.Below(RandomUse.Timestep, 41, 1000);
        again.FillNormal(RandomUse.Posterior, 41, new float[100]);
        for (int length = 0; length <= all.Length; length++)
        {
            float[] part = new float[length];
            again.FillNormal(RandomUse.Noise, 41, part);
            Assert.Equal(all[..length], part);
        }

        Assert.Equal(_random.Uniform(RandomUse.PromptDrop, 9), again.Uniform(RandomUse.PromptDrop, 9));
    }

    [Fact]
    public void Seeds_uses_and_indices_differ_from_each_other()
    {
        double[] drawn =
        [
            _random.Uniform(RandomUse.Noise, 0), _random.Uniform(RandomUse.Noise, 1),
            _random.Uniform(RandomUse.Noise, 1L << 40), _random.Uniform(RandomUse.Timestep, 0),
            new TrainingRandom(Seed + 1).Uniform(RandomUse.Noise, 0),
            new TrainingRandom(Seed + (1UL << 60)).Uniform(RandomUse.Noise, 0),
        ];
        Assert.Equal(drawn.Length, drawn.Distinct().Count());
    }

    /// <summary>Moments of 100,000 numbers, each within five standard errors.</summary>
    [Fact]
    public void Normal_numbers_have_the_moments_of_the_normal_distribution()
    {
        float[] drawn = new float[Count];
        _random.FillNormal(RandomUse.Noise, 0, drawn);
        double error = 5 / Math.Sqrt(Count);
        Assert.InRange(drawn.Average(), -error, error);
        Assert.InRange(drawn.Average(x => (double)x * x), 1 - 1.5 * error, 1 + 1.5 * error);
        Assert.InRange(drawn.Average(x => Math.Pow(x, 3)), -4 * error, 4 * error);
        Assert.InRange(drawn.Average(x => Math.Pow(x, 4)), 3 - 10 * error, 3 + 10 * error);
        Assert.InRange(drawn.Zip(drawn.Skip(1), (a, b) => (double)a * b).Average(), -error, error);
        Assert.InRange(drawn.Count(x => Math.Abs(x) > 1.959964) / (double)Count, 0.05 - 0.004, 0.05 + 0.004);
    }

    [Fact]
    public void Whole_numbers_and_choices_are_as_likely_as_they_should_be()
    {
        int[] drawn = [.. Enumerable.Range(0, Count).Select(i => _random.Below(RandomUse.Timestep, i, 10))];
        Assert.All(Enumerable.Range(0, 10), digit => Assert.InRange(drawn.Count(x => x == digit), 9_500, 10_500));
        int dropped = Enumerable.Range(0, Count).Count(i => _random.Bernoulli(RandomUse.PromptDrop, i, 0.3));
        Assert.InRange(dropped, 29_200, 30_800);
        Assert.DoesNotContain(
            Enumerable.Range(0, 1000), i => _random.Bernoulli(RandomUse.PromptDrop, i, 0));
        Assert.All(
            Enumerable.Range(0, 1000), i => Assert.True(_random.Bernoulli(RandomUse.PromptDrop, i, 1)));
    }

    [Fact]
    public void All_orders_are_equally_likely()
    {
        int[][] orders = [.. Enumerable.Range(0, 6000).Select(i => _random.Permutation(RandomUse.DataOrder, i, 3))];
        Assert.All(orders, order => Assert.Equal([0, 1, 2], order.Order()));
        int[] counts = [.. orders.CountBy(order => 10 * order[0] + order[1]).Select(count => count.Value)];
        Assert.Equal(6, counts.Length);
        Assert.All(counts, count => Assert.InRange(count, 850, 1150));
        Assert.Empty(_random.Permutation(RandomUse.DataOrder, 0, 0));
    }

    [Fact]
    public void Arguments_out_of_range_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => _random.Uniform(RandomUse.Noise, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => _random.Below(RandomUse.Noise, 0, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => _random.Bernoulli(RandomUse.Noise, 0, double.NaN));
        Assert.Throws<ArgumentOutOfRangeException>(() => _random.Bernoulli(RandomUse.Noise, 0, 1.01));
    }
}
