using System;

namespace ControlNet.Native.Sampling;

/// <summary>
/// The numbers of torch's CUDA generator, computed on the host: <c>torch.randn(n, device="cuda")</c> after
/// <c>torch.manual_seed(seed)</c>. Half-precision tensors are the same numbers rounded.
/// </summary>
/// <remarks>
/// Up to one element for each thread a GPU holds at once every GPU gives the same numbers, and so do the "NV" noise
/// of Stable Diffusion web UI and stable-diffusion.cpp. That is 14,336 elements on a GeForce GTX 1650, 43,008 on an
/// RTX 3060, 196,608 on an RTX 4090; the latents of one 512x512 image are 16,384. Larger tensors depend on the GPU
/// model: give its multiprocessors to match it. Real GPUs use an approximate sine and cosine: expect differences of
/// about 1e-6.
/// Source: ATen's <c>DistributionTemplates.h</c> for CUDA and cuRAND's <c>curand_normal.h</c>.
/// </remarks>
public sealed class PhiloxCudaNoise : INoiseSource
{
    private const int ThreadsPerBlock = 256;

    // One counter of one thread yields four results.
    private const int Unroll = 4;
    private const float TwoToMinus32 = 1f / (1L << 32);
    private const float TurnToMinus32 = (float)(2 * Math.PI / (1L << 32));

    private readonly ulong _seed;
    private readonly long _mostBlocks;

    /// <summary>A GPU with room for every tensor at once: right for all GPUs up to the sizes named above.</summary>
    /// <param name="seed">All 64 bits matter.</param>
    public PhiloxCudaNoise(ulong seed)
    {
        (_seed, _mostBlocks) = (seed, long.MaxValue);
    }

    /// <summary>A GPU of a certain model.</summary>
    /// <param name="seed">All 64 bits matter.</param>
    /// <param name="multiprocessors">Its streaming multiprocessors, for example 128 of a GeForce RTX 4090.</param>
    /// <param name="threadsPerMultiprocessor">Threads one of them holds: 1024, 1536 or 2048; at least 256.</param>
    /// <exception cref="ArgumentOutOfRangeException">A count is too small.</exception>
    public PhiloxCudaNoise(ulong seed, int multiprocessors, int threadsPerMultiprocessor)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(multiprocessors, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(threadsPerMultiprocessor, ThreadsPerBlock);
        (_seed, _mostBlocks) = (seed, (long)multiprocessors * (threadsPerMultiprocessor / ThreadsPerBlock));
    }

    /// <summary>Counters used so far; seed and offset are the whole state. torch stores four times this.</summary>
    public ulong Offset { get; set; }

    /// <inheritdoc/>
    public void FillNormal(Span<float> destination)
    {
        if (destination.IsEmpty)
        {
            return;
        }

        long blocks = Math.Min((destination.Length + (long)ThreadsPerBlock - 1) / ThreadsPerBlock, _mostBlocks);
        long threads = blocks * ThreadsPerBlock;
        long perCounter = threads * Unroll;
        for (long first = 0; first < destination.Length; first += perCounter)
        {
            for (long thread = 0; thread < threads && first + thread < destination.Length; thread++)
            {
                PhiloxWords words = Philox4x32.Words(_seed, Offset, (ulong)thread);
                long at = first + thread;
                (destination[(int)at], float second) = Normals(words.X, words.Y);
                if (at + threads < destination.Length)
                {
                    destination[(int)(at + threads)] = second;
                    WriteLastTwo(destination, at + 2 * threads, threads, words);
                }
            }

            Offset = unchecked(Offset + 1);
        }
    }

    private static void WriteLastTwo(Span<float> destination, long at, long threads, PhiloxWords words)
    {
        if (at >= destination.Length)
        {
            return;
        }

        (destination[(int)at], float fourth) = Normals(words.Z, words.W);
        if (at + threads < destination.Length)
        {
            destination[(int)(at + threads)] = fourth;
        }
    }

    /// <summary>cuRAND's Box-Muller. Its float32 roundings of u and v are kept, for they move the result.</summary>
    private static (float Sine, float Cosine) Normals(uint x, uint y)
    {
        float u = MathF.FusedMultiplyAdd(x, TwoToMinus32, TwoToMinus32 / 2);
        float v = MathF.FusedMultiplyAdd(y, TurnToMinus32, TurnToMinus32 / 2);
        double radius = Math.Sqrt(-2 * Math.Log(u));
        return ((float)(radius * Math.Sin(v)), (float)(radius * Math.Cos(v)));
    }
}
