using System;
using System.Linq;
using ControlNet.Native.Sampling;
using Xunit;

namespace ControlNet.Native.Tests.Sampling;

public class PhiloxCudaNoiseTests
{
    [Theory]
    [InlineData(1, 1UL)]
    [InlineData(16_384, 1UL)]
    [InlineData(0, 0UL)]
    public void One_call_that_fits_uses_one_counter(int count, ulong expected)
    {
        PhiloxCudaNoise noise = new(0);
        _ = Draw(noise, count);

        Assert.Equal(expected, noise.Offset);
    }

    [Fact]
    public void The_gpu_model_matters_only_beyond_its_threads()
    {
        // 1 multiprocessor of 1024 threads.
        Assert.Equal(Draw(new PhiloxCudaNoise(8), 1024), Draw(new PhiloxCudaNoise(8, 1, 1024), 1024));
        float[] roomy = Draw(new PhiloxCudaNoise(8), 1025), small = Draw(new PhiloxCudaNoise(8, 1, 1024), 1025);

        Assert.Equal(roomy[..1024], small[..1024]);
        Assert.NotEqual(roomy[1024], small[1024]);
    }

    /// <summary>Definition: element it * 4T + ii * T + i is result ii of thread i at counter offset + it.</summary>
    [Theory]
    [InlineData(512)]
    [InlineData(513)]
    [InlineData(1300)]
    [InlineData(2047)]
    [InlineData(2049)]
    [InlineData(5000)]
    public void A_large_tensor_takes_all_four_results_of_a_counter(int count)
    {
        const int Threads = 512;
        PhiloxCudaNoise noise = new(42, 1, Threads) { Offset = 3 };
        float[] normals = Draw(noise, count);
        for (int element = 0; element < count; element++)
        {
            int turn = element / (4 * Threads), result = element / Threads % 4, thread = element % Threads;
            PhiloxWords words = Philox4x32.Words(42, 3 + (ulong)turn, (ulong)thread);
            (uint x, uint y) = result < 2 ? (words.X, words.Y) : (words.Z, words.W);
            double radius = Math.Sqrt(-2 * Math.Log((x + 0.5) / 4294967296.0));
            double angle = 2 * Math.PI * (y + 0.5) / 4294967296.0;
            double expected = radius * (result % 2 == 0 ? Math.Sin(angle) : Math.Cos(angle));
            Assert.InRange(normals[element] - expected, -2e-6, 2e-6);
        }

        Assert.Equal(3 + (ulong)((count + 4 * Threads - 1) / (4 * Threads)), noise.Offset);
    }

    [Fact]
    public void Seed_and_offset_are_the_whole_state()
    {
        PhiloxCudaNoise noise = new(ulong.MaxValue);
        _ = Draw(noise, 100);
        ulong offset = noise.Offset;
        float[] next = Draw(noise, 100);

        Assert.Equal(next, Draw(new PhiloxCudaNoise(ulong.MaxValue) { Offset = offset }, 100));
        Assert.NotEqual(next, Draw(new PhiloxCudaNoise(ulong.MaxValue), 100));
    }

    [Fact]
    public void All_64_bits_of_the_seed_matter() =>
        Assert.NotEqual(Draw(new PhiloxCudaNoise(5), 8), Draw(new PhiloxCudaNoise((1UL << 32) + 5), 8));

    [Fact]
    public void Normal_numbers_have_mean_zero_and_variance_one()
    {
        float[] normals = Draw(new PhiloxCudaNoise(2024, 16, 1536), 1 << 18);
        double mean = normals.Average(x => (double)x);
        double variance = normals.Average(x => (x - mean) * (x - mean));

        // Five standard errors of 2^18 samples.
        Assert.InRange(mean, -0.01, 0.01);
        Assert.InRange(variance, 0.986, 1.014);
    }

    [Fact]
    public void A_gpu_without_threads_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new PhiloxCudaNoise(0, 0, 1536));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PhiloxCudaNoise(0, 1, 255));
    }

    private static float[] Draw(PhiloxCudaNoise noise, int count)
    {
        float[] normals = new float[count];
        noise.FillNormal(normals);
        return normals;
    }
}
