using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

/// <content>
/// Gradients of attention. Each is one launch that computes the weights again, so none waits for another, none shares a
/// sum, and one that is not wanted costs nothing.
/// </content>
internal sealed partial class GpuAttention
{
    private const int DeltaThreads = 64;

    private const string GradientFile = "attention_gradient";

    private readonly KernelVariant _gradient = Variant(launcher, GradientFile, "attention_gradient", 1);
    private readonly KernelVariant _gradientWide = Variant(launcher, GradientFile, "attention_gradient", MostChunks);

    private readonly KernelVariant _delta =
        Variant(launcher, GradientFile, "attention_gradient_delta", 1) with { Block = new GridSize(DeltaThreads) };

    public void Backward(
        in AttentionDims d, BufferView q, BufferView k, BufferView v, BufferView y, BufferView sums, BufferView dy,
        BufferView dq, BufferView dk, BufferView dv)
    {
        float ofScores = d.Scale * Log2E;
        if (!dv.IsNone)
        {
            Launch(
                d, true, k, 1, q, ofScores, BufferView.None, BufferView.None, dy, 1, sums, BufferView.None, dv);
        }

        if (dq.IsNone && dk.IsNone)
        {
            return;
        }

        long count = (long)d.Batch * d.Heads * d.Queries;
        BufferView delta = launcher.Scratch(DType.F32, count, out MemoryBlock block);
        using (block)
        {
            launcher.Launch(
                _delta, GpuGrid.Blocks(count, DeltaThreads), y, dy, delta, count, d.Heads, d.Queries, d.HeadWidth);
            if (!dq.IsNone)
            {
                Launch(d, false, q, ofScores, k, 1, dy, v, k, d.Scale, sums, delta, dq);
            }

            if (!dk.IsNone)
            {
                Launch(d, true, k, 1, q, ofScores, v, dy, q, d.Scale, sums, delta, dk);
            }
        }
    }

    /// <summary>One of the three gradients, as <c>attention_gradient.c</c> has them in a table.</summary>
    private void Launch(
        in AttentionDims d, bool rowsAreKeys, BufferView rows, float rowFactor, BufferView columns, float columnFactor,
        BufferView rowSlopes, BufferView columnSlopes, BufferView values, float factor, BufferView sums,
        BufferView delta, BufferView result)
    {
        (int rowCount, int columnCount) = rowsAreKeys ? (d.Keys, d.Queries) : (d.Queries, d.Keys);
        launcher.Launch(
            d.HeadWidth <= Chunk ? _gradient : _gradientWide, Grid(d, rowCount), rows, columns, rowSlopes, columnSlopes,
            values, sums, delta, result, d.Heads, rowCount, columnCount, d.HeadWidth, Slices(d), rowFactor,
            columnFactor, factor, rowsAreKeys ? 1 : 0, d.Causal ? 1 : 0);
    }
}
