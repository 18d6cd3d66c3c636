using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>
/// Attention without a score matrix: a block of threads goes through the keys of 64 queries a tile at a time. Source:
/// Dao et al., 2022, arXiv:2205.14135.
/// </summary>
internal sealed partial class GpuAttention(GpuLauncher launcher) : IAttentionKernels
{
    /// <summary>Queries or keys of a block.</summary>
    private const int Tile = 64;

    /// <summary>Channels that a block holds at a time.</summary>
    private const int Chunk = 64;

    private const int MostChunks = 4;

    private const float Log2E = 1.44269504f;

    private readonly KernelVariant[] _forward =
        GpuActivations.Variants(Variant(launcher, "attention", "attention_forward", 1));

    private readonly KernelVariant[] _forwardWide =
        GpuActivations.Variants(Variant(launcher, "attention", "attention_forward", MostChunks));

    public void Forward(
        in AttentionDims d, BufferView q, BufferView k, BufferView v, BufferView y, BufferView sums)
    {
        if (TryTensorCores(d, q, k, v, y, sums))
        {
            return;
        }

        launcher.Launch(
            (d.HeadWidth <= Chunk ? _forward : _forwardWide).For(q.Type), Grid(d, d.Queries), q, k, v, y, sums, d.Heads,
            d.Queries, d.Keys, d.HeadWidth, Slices(d), d.Scale * Log2E, d.Causal ? 1 : 0);
    }

    /// <summary>Blocks along a head's channels: more than one where it is wider than a block has room for.</summary>
    private static int Slices(in AttentionDims d) => (int)GpuGrid.Parts(d.HeadWidth, Chunk * MostChunks);

    /// <summary>One block for each tile of rows, slice and head.</summary>
    private static GridSize Grid(in AttentionDims d, int rows) =>
        new(checked((int)(GpuGrid.Parts(rows, Tile) * Slices(d) * d.Heads * d.Batch)));

    private static KernelVariant Variant(GpuLauncher launcher, string file, string entry, int chunks) => new(
        file, entry, new GridSize(16, 16),
        launcher.Limits.IsCpu ? $"CHUNKS={chunks} ROLLED=1" : $"CHUNKS={chunks}");
}
