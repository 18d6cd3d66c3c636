using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tensors.Cpu.Gemm;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// One item is a share of the keys of one head, against all of its queries. Keys are lanes: with 32 keys transposed
/// into a panel, scores, their gradients, dk and dv are products of q and dy with panels of 32 columns, and so the
/// micro-kernels of the matrix product once more. dq needs the sum over keys, which runs along the lanes; it is a
/// product with a panel of k as it lies, added to a part of dq that belongs to the item alone. Nothing is computed
/// twice and no sum is shared between threads. Source: Dao et al., 2022, arXiv:2205.14135, algorithm 4, with the loop
/// over keys outside as there.
/// </summary>
internal unsafe struct AttentionBackwardLoop : IParallelWork
{
    /// <summary>Keys of one panel.</summary>
    public const int Lanes = GemmKernel.PanelColumns;

    /// <summary>
    /// Panels that one pass over the queries serves: q, dy and the part of dq are read once for 128 keys.
    /// </summary>
    private const int GroupPanels = 4;

    /// <summary>Queries of one tile: its scores and their gradients are 16 KiB.</summary>
    private const int TileQueries = 64;

    /// <summary>
    /// Items to aim at. Heads are cut into shares only where there are fewer, for each share costs a part of dq; the
    /// count depends on the dims alone, and so do the sums.
    /// </summary>
    private const int ItemsWanted = 16;

    private const float Log2E = 1.44269504f;

    public readonly AttentionDims Dims;
    public float* Q, K, V, Y, Sums, DY;

    /// <summary>The gradients, each null where it is not wanted.</summary>
    public float* DQ, DK, DV;

    /// <summary>
    /// <c>[items][Queries][PaddedWidth]</c>, where the shares of a head leave their parts of dq; null for one share.
    /// </summary>
    public float* Parts;

    private readonly WorkerTeam _team;
    private readonly GemmKernel _kernel;
    private readonly int _groups;

    public AttentionBackwardLoop(WorkerTeam team, in AttentionDims d)
    {
        _team = team;
        _kernel = GemmKernel.Best;
        Dims = d;
        _groups = (int)(((long)d.Keys + (GroupPanels * Lanes) - 1) / (GroupPanels * Lanes));
        int heads = Math.Max(1, d.Batch * d.Heads);
        Shares = Math.Clamp((ItemsWanted + heads - 1) / heads, 1, _groups);
    }

    /// <summary>Items a head has.</summary>
    public readonly int Shares { get; }

    public readonly int Items => checked(Dims.Batch * Dims.Heads * Shares);

    /// <summary>The width of a head in whole panels.</summary>
    public readonly int PaddedWidth => (Dims.HeadWidth + Lanes - 1) / Lanes * Lanes;

    /// <summary>Floats of one part of dq.</summary>
    public readonly long PartFloats => (long)Dims.Queries * PaddedWidth;

    /// <summary>Bytes of all parts of dq; 0 where each head has one share, which needs none.</summary>
    public readonly long PartsBytes => Shares == 1 ? 0 : checked(Items * PartFloats * sizeof(float));

    private readonly long Stride => (long)Dims.Heads * Dims.HeadWidth;

    private readonly bool NeedsScoreGradients => DQ != null || DK != null;

    public readonly void Run(int item, int worker)
    {
        (int unit, int share) = Math.DivRem(item, Shares);
        long panel = (long)Dims.HeadWidth * Lanes, own = DQ != null && Parts == null ? PartFloats : 0;
        long natural = (long)PaddedWidth * Lanes;
        float* scratch = _team.Scratch(
            worker,
            own + (GroupPanels * ((4 * panel) + natural)) + (2L * TileQueries * Lanes) + Dims.Queries
            + ((long)TileQueries * Dims.HeadWidth));
        State state = new()
        {
            Part = DQ == null ? null : Parts == null ? scratch : Parts + (item * PartFloats),
            KeyColumns = scratch + own,
        };
        state.ValueColumns = state.KeyColumns + (GroupPanels * panel);
        state.KeySums = state.ValueColumns + (GroupPanels * panel);
        state.ValueSums = state.KeySums + (GroupPanels * panel);
        state.KeyRows = state.ValueSums + (GroupPanels * panel);
        state.Weights = state.KeyRows + (GroupPanels * natural);
        state.ScoreGradients = state.Weights + (TileQueries * Lanes);
        state.Queries = state.ScoreGradients + (TileQueries * Lanes);
        state.Delta = state.Queries + ((long)TileQueries * Dims.HeadWidth);
        state.Largest = Sums + (2L * unit * Dims.Queries);
        state.LogSum = state.Largest + Dims.Queries;

        (int batch, int head) = Math.DivRem(unit, Dims.Heads);
        state.QueryOffset = ((long)batch * Dims.Queries * Stride) + ((long)head * Dims.HeadWidth);
        state.KeyOffset = ((long)batch * Dims.Keys * Stride) + ((long)head * Dims.HeadWidth);
        ReadRows(state);
        if (state.Part != null)
        {
            new Span<float>(state.Part, checked((int)PartFloats)).Clear();
        }

        int end = (int)((long)_groups * (share + 1) / Shares);
        for (int group = (int)((long)_groups * share / Shares); group < end; group++)
        {
            RunGroup(group * GroupPanels * Lanes, state);
        }

        if (own > 0)
        {
            StoreQueryGradients(state.Part, 1, 0, unit, 0, Dims.Queries);
        }
    }

    /// <summary>
    /// Adds the parts of dq of <paramref name="parts"/> shares in their order and stores the sum, scaled, where its
    /// queries belong.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void StoreQueryGradients(float* part, int parts, long step, int unit, int first, int end)
    {
        (int batch, int head) = Math.DivRem(unit, Dims.Heads);
        int width = Dims.HeadWidth, padded = PaddedWidth;
        float* target = DQ + (((long)batch * Dims.Queries) * Stride) + ((long)head * width);
        for (int query = first; query < end; query++)
        {
            float* row = part + ((long)query * padded);
            float* to = target + (query * Stride);
            int c = 0;
            for (; Vector128.IsHardwareAccelerated && c <= width - 8; c += 8)
            {
                Vector256<float> sum = Vector256.Load(row + c);
                for (int p = 1; p < parts; p++)
                {
                    sum += Vector256.Load(row + (p * step) + c);
                }

                (sum * Dims.Scale).Store(to + c);
            }

            for (; c < width; c++)
            {
                float sum = row[c];
                for (int p = 1; p < parts; p++)
                {
                    sum += row[(p * step) + c];
                }

                to[c] = sum * Dims.Scale;
            }
        }
    }

    /// <summary>Of each query the sum of dy y.</summary>
    private readonly void ReadRows(in State state)
    {
        for (int query = 0; query < Dims.Queries; query++)
        {
            long row = state.QueryOffset + (query * Stride);
            state.Delta[query] = AttentionBackwardLanes.Dot(DY + row, Y + row, Dims.HeadWidth);
        }
    }

    /// <summary>Up to 128 keys against all queries that see them.</summary>
    private readonly void RunGroup(int firstKey, in State state)
    {
        int width = Dims.HeadWidth, keys = Math.Min(GroupPanels * Lanes, Dims.Keys - firstKey);
        long panel = (long)width * Lanes;
        int panels = (keys + Lanes - 1) / Lanes;
        for (int p = 0; p < panels; p++)
        {
            int count = Math.Min(Lanes, keys - (p * Lanes));
            Gather(state.KeyOffset + ((firstKey + (p * Lanes)) * Stride), count, p, state);
        }

        new Span<float>(state.KeySums, (int)(2 * GroupPanels * panel)).Clear();
        int start = Dims.Causal ? firstKey / TileQueries * TileQueries : 0;
        for (int first = start; first < Dims.Queries; first += TileQueries)
        {
            int rows = Math.Min(TileQueries, Dims.Queries - first);
            AttentionBackwardLanes.Scale(
                Q + state.QueryOffset + (first * Stride), Stride, rows, width, Dims.Scale * Log2E, state.Queries);
            for (int p = 0; p < panels; p++)
            {
                int key = firstKey + (p * Lanes);
                if (!Dims.Causal || key < first + rows)
                {
                    RunTile(first, rows, key, Math.Min(Lanes, keys - (p * Lanes)), p, state);
                }
            }
        }

        for (int p = 0; p < panels; p++)
        {
            long row = state.KeyOffset + ((firstKey + (p * Lanes)) * Stride);
            int count = Math.Min(Lanes, keys - (p * Lanes));
            if (DK != null)
            {
                LaneTranspose.Scaled(state.KeySums + (p * panel), Lanes, width, count, Dims.Scale, DK + row, Stride);
            }

            if (DV != null)
            {
                LaneTranspose.Scaled(state.ValueSums + (p * panel), Lanes, width, count, 1, DV + row, Stride);
            }
        }
    }

    /// <summary>
    /// Panel p: keys and values transposed, zero in lanes without a key, and keys as they lie, zero beyond their width.
    /// </summary>
    private readonly void Gather(long row, int keys, int p, in State state)
    {
        int width = Dims.HeadWidth;
        long panel = (long)width * Lanes;
        if (keys < Lanes)
        {
            new Span<float>(state.KeyColumns + (p * panel), (int)panel).Clear();
            new Span<float>(state.ValueColumns + (p * panel), (int)panel).Clear();
        }

        LaneTranspose.Scaled(K + row, Stride, keys, width, 1, state.KeyColumns + (p * panel), Lanes);
        LaneTranspose.Scaled(V + row, Stride, keys, width, 1, state.ValueColumns + (p * panel), Lanes);
        float* to = state.KeyRows + ((long)p * PaddedWidth * Lanes);
        for (int column = 0; DQ != null && column < width; column += Lanes)
        {
            int columns = Math.Min(Lanes, width - column);
            for (int key = 0; key < keys; key++, to += Lanes)
            {
                new ReadOnlySpan<float>(K + row + (key * Stride) + column, columns).CopyTo(new Span<float>(to, Lanes));
                new Span<float>(to + columns, Lanes - columns).Clear();
            }
        }
    }

    /// <summary>One tile of queries against panel p, whose first key is <paramref name="firstKey"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void RunTile(int first, int rows, int firstKey, int keys, int p, in State state)
    {
        int width = Dims.HeadWidth;
        long panel = (long)width * Lanes, offset = state.QueryOffset + (first * Stride);
        float* weights = state.Weights;
        float* gradients = state.ScoreGradients;
        Multiply(state.Queries, width, rows, width, state.KeyColumns + (p * panel), weights, Lanes, false);
        if (Dims.Causal && first < firstKey + keys - 1)
        {
            Mask(weights, first, rows, firstKey);
        }

        if (!NeedsScoreGradients)
        {
            AttentionBackwardLanes.Weigh(weights, state.Largest + first, state.LogSum + first, rows);
        }
        else
        {
            Multiply(DY + offset, Stride, rows, width, state.ValueColumns + (p * panel), gradients, Lanes, false);
            AttentionBackwardLanes.Weigh(
                weights, gradients, state.Largest + first, state.LogSum + first, state.Delta + first, rows);
        }

        if (DV != null)
        {
            MultiplyTransposed(DY + offset, rows, weights, state.ValueSums + (p * panel));
        }

        if (DK != null)
        {
            MultiplyTransposed(Q + offset, rows, gradients, state.KeySums + (p * panel));
        }

        if (DQ != null)
        {
            int padded = PaddedWidth;
            float* part = state.Part + ((long)first * padded);
            float* keyRows = state.KeyRows + ((long)p * padded * Lanes);
            for (int column = 0; column < width; column += Lanes)
            {
                Multiply(gradients, Lanes, rows, keys, keyRows + ((long)column * keys), part + column, padded, true);
            }
        }
    }

    /// <summary>c[rows][32] = or += a[rows][depth] b[depth][32]</summary>
    private readonly void Multiply(
        float* a, long stride, int rows, int depth, float* b, float* c, int strideC, bool accumulate)
    {
        int parts = (rows + _kernel.MaxRows - 1) / _kernel.MaxRows;
        for (int part = 0; part < parts; part++)
        {
            int first = rows * part / parts, count = (rows * (part + 1) / parts) - first;
            _kernel.RowMajor(
                count, depth, a + (first * stride), (nint)stride, b, c + ((long)first * strideC), strideC, accumulate,
                null);
        }
    }

    /// <summary>sums[channel][key] += a[query][channel] b[query][key]</summary>
    private readonly void MultiplyTransposed(float* a, int queries, float* b, float* sums)
    {
        int width = Dims.HeadWidth, parts = (width + _kernel.MaxRows - 1) / _kernel.MaxRows;
        for (int part = 0; part < parts; part++)
        {
            int first = (int)((long)width * part / parts), count = (int)((long)width * (part + 1) / parts) - first;
            _kernel.Transposed(
                count, queries, a + first, (nint)Stride, b, sums + ((long)first * Lanes), Lanes, true, null);
        }
    }

    /// <summary>Hides from a query the keys that come after it: their weights become 0.</summary>
    private static void Mask(float* scores, int firstQuery, int rows, int firstKey)
    {
        for (int row = 0; row < rows; row++)
        {
            int visible = Math.Clamp(firstQuery + row + 1 - firstKey, 0, Lanes);
            new Span<float>(scores + (row * Lanes) + visible, Lanes - visible).Fill(float.NegativeInfinity);
        }
    }

    /// <summary>Where an item keeps what it works on.</summary>
    private struct State
    {
        /// <summary>Part of dq, <c>[Queries][PaddedWidth]</c>; null where dq is not wanted.</summary>
        public float* Part;

        /// <summary>Panels <c>[HeadWidth][32]</c>: keys, values, and the sums that become dk and dv.</summary>
        public float* KeyColumns, ValueColumns, KeySums, ValueSums;

        /// <summary>Keys as they lie, <c>[PaddedWidth / 32][keys][32]</c> for each panel.</summary>
        public float* KeyRows;

        /// <summary>Scores, then weights, and gradients of the scores, <c>[TileQueries][32]</c>.</summary>
        public float* Weights, ScoreGradients;

        /// <summary>
        /// The queries of a tile times scale and log2(e), <c>[TileQueries][HeadWidth]</c>. Forward multiplies the same
        /// numbers in the same order, so every score comes out as it was, to the last bit.
        /// </summary>
        public float* Queries;

        /// <summary>One number for each query: largest score, log2 of the sum of weights, sum of dy y.</summary>
        public float* Largest, LogSum, Delta;

        /// <summary>First float of the head in q, y, dy and dq, and in k, v, dk and dv.</summary>
        public long QueryOffset, KeyOffset;
    }
}
