using System;
using System.Runtime.CompilerServices;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tensors.Cpu.Gemm;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// One item is 32 queries of one head. Queries are lanes: with q transposed once, the scores of a tile of keys are a
/// product of k, read in place, with a panel of 32 columns, and the values of a tile are a product of v transposed,
/// also read in place, with the weights as the panel. Both are the micro-kernels of the matrix product.
/// </summary>
internal unsafe struct AttentionLoop : IParallelWork
{
    private const int Lanes = SoftmaxLanes.Lanes;

    /// <summary>Scores of a tile are 16 KiB.</summary>
    private const int TileKeys = 128;

    private const float Log2E = 1.44269504f;

    public WorkerTeam Team;
    public GemmKernel Kernel;
    public AttentionDims Dims;
    public float* Q, K, V, Y;

    /// <summary><c>[Batch][Heads][2][Queries]</c>, or null where nobody asked for them.</summary>
    public float* Sums;

    /// <summary>Items a head has.</summary>
    public readonly int Blocks => (int)(((long)Dims.Queries + Lanes - 1) / Lanes);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int item, int worker)
    {
        int width = Dims.HeadWidth, keyCount = Dims.Keys;
        long stride = (long)Dims.Heads * width;
        (int unit, int block) = Math.DivRem(item, Blocks);
        (int batch, int head) = Math.DivRem(unit, Dims.Heads);
        int firstQuery = block * Lanes, queries = Math.Min(Lanes, Dims.Queries - firstQuery);
        long queryOffset = ((((long)batch * Dims.Queries) + firstQuery) * stride) + ((long)head * width);
        long keyOffset = ((long)batch * keyCount * stride) + ((long)head * width);

        // [width][32], [width][32], [keys][32]
        float* q = Team.Scratch(worker, (2L * width * Lanes) + (TileKeys * Lanes) + SoftmaxLanes.StateFloats);
        float* sums = q + ((long)width * Lanes), scores = sums + ((long)width * Lanes);
        SoftmaxLanes softmax = new(scores + (TileKeys * Lanes));
        softmax.Reset();
        if (queries < Lanes)
        {
            new Span<float>(q, width * Lanes).Clear();
        }

        LaneTranspose.Scaled(Q + queryOffset, stride, queries, width, Dims.Scale * Log2E, q, Lanes);
        int visible = Dims.Causal ? Math.Min(keyCount, firstQuery + queries) : keyCount;
        int tiles = (visible + TileKeys - 1) / TileKeys;
        for (int tile = 0; tile < tiles; tile++)
        {
            int first = (int)((long)visible * tile / tiles), keys = (int)((long)visible * (tile + 1) / tiles) - first;
            float* tileK = K + keyOffset + (first * stride), tileV = V + keyOffset + (first * stride);
            Score(tileK, stride, q, scores, keys);
            if (Dims.Causal)
            {
                Mask(scores, first, keys, firstQuery);
            }

            softmax.Weigh(scores, keys, sums, width, tile == 0);
            AddValues(tileV, stride, scores, keys, sums, tile > 0);
        }

        if (Sums != null)
        {
            float* largest = Sums + (2L * unit * Dims.Queries) + firstQuery;
            softmax.Store(largest, largest + Dims.Queries, queries);
        }

        softmax.Normalise(sums, width);
        LaneTranspose.Scaled(sums, Lanes, width, queries, 1, Y + queryOffset, stride);
    }

    /// <summary>scores[key][query] = k[key] q[query]</summary>
    private readonly void Score(float* k, long stride, float* q, float* scores, int keys)
    {
        int parts = (keys + Kernel.MaxRows - 1) / Kernel.MaxRows;
        for (int part = 0; part < parts; part++)
        {
            int first = keys * part / parts, rows = (keys * (part + 1) / parts) - first;
            Kernel.RowMajor(
                rows, Dims.HeadWidth, k + (first * stride), (nint)stride, q, scores + (first * Lanes), Lanes, false,
                null);
        }
    }

    /// <summary>
    /// sums[channel][query] += v[key][channel] weights[key][query], or without the sums that were there.
    /// </summary>
    private readonly void AddValues(float* v, long stride, float* weights, int keys, float* sums, bool accumulate)
    {
        int width = Dims.HeadWidth, parts = (width + Kernel.MaxRows - 1) / Kernel.MaxRows;
        for (int part = 0; part < parts; part++)
        {
            int first = (int)((long)width * part / parts), rows = (int)((long)width * (part + 1) / parts) - first;
            Kernel.Transposed(
                rows, keys, v + first, (nint)stride, weights, sums + ((long)first * Lanes), Lanes, accumulate, null);
        }
    }

    /// <summary>
    /// Hides the keys that come after a query. Key 0 is seen by all, so no lane is ever without a score.
    /// </summary>
    private static void Mask(float* scores, int firstKey, int keys, int firstQuery)
    {
        for (int key = Math.Max(0, firstQuery + 1 - firstKey); key < keys; key++)
        {
            int hidden = Math.Min(Lanes, firstKey + key - firstQuery);
            new Span<float>(scores + (key * Lanes), hidden).Fill(float.NegativeInfinity);
        }
    }
}
