using System;

namespace ControlNet.Native.Tensors.Contracts;

/// <summary>
/// Multi-head attention. q is <c>[Batch, Queries, Heads * HeadWidth]</c>, k and v
/// <c>[Batch, Keys, Heads * HeadWidth]</c>; the heads lie side by side in a row, as the projections leave them.
/// </summary>
internal readonly record struct AttentionDims(
    int Batch, int Heads, int Queries, int Keys, int HeadWidth, float Scale, bool Causal)
{
    /// <summary>
    /// Checks the shapes of one call and derives its dims; a scale of null means 1 / sqrt(head width). Touches no
    /// memory.
    /// </summary>
    /// <exception cref="ShapeException">The shapes do not fit; the message says which and how.</exception>
    public static AttentionDims Infer(Shape q, Shape k, Shape v, int heads, float? scale, bool causal)
    {
        if (q.Rank != 3 || k.Rank != 3)
        {
            throw new ShapeException($"Attention: q and k must be [N, T, C], got q {q} and k {k}");
        }

        if (k != v)
        {
            throw new ShapeException($"Attention: v must have the shape of k {k}, got {v}");
        }

        if (k[0] != q[0] || k[2] != q[2])
        {
            throw new ShapeException($"Attention: k must be [{q[0]}, T, {q[2]}] to match q {q}, got {k}");
        }

        if (heads <= 0 || q[2] % heads != 0)
        {
            throw new ShapeException($"Attention: {heads} heads do not divide the {q[2]} channels of q {q}");
        }

        if (k[1] == 0)
        {
            throw new ShapeException($"Attention: k {k} has no keys");
        }

        if (causal && q[1] != k[1])
        {
            throw new ShapeException(
                $"Attention: the causal mask needs as many queries as keys, got {q[1]} and {k[1]}");
        }

        int headWidth = q[2] / heads;
        return new AttentionDims(
            q[0], heads, q[1], k[1], headWidth, scale ?? (float)(1 / Math.Sqrt(headWidth)), causal);
    }
}

/// <summary>
/// Scaled dot-product attention as a backend must provide it. Source: Vaswani et al., 2017, arXiv:1706.03762, eq. 1.
/// </summary>
/// <remarks>
/// Numerics: scores, softmax and sums in float32, the largest score subtracted first (online, Milakov and Gimelshein,
/// arXiv:1805.02867). The score matrix is never stored: memory beyond the tensors is a few tiles for each worker.
/// Backward computes each weight again, as exactly as forward did: from the same score, less the largest of its row,
/// less the logarithm of the row's sum. Kept as one number those two would lose s 2^-24 to a score of size s.
/// Types: q, k, v and y have one, of those the backend has for activations; sums and all of backward are F32.
/// Aliasing: results overlap nothing.
/// </remarks>
internal interface IAttentionKernels
{
    /// <summary>
    /// y = softmax(scale * q k^T) v for each head; with <c>Causal</c>, query i sees the keys up to i.
    /// <paramref name="sums"/>, <c>[Batch, Heads, 2, Queries]</c>, may be none, as inference has it; else it receives
    /// for each query the largest of its scores times log2(e), and log2 of the sum of its weights relative to that:
    /// all that <see cref="Backward"/> wants to know of softmax.
    /// </summary>
    void Forward(in AttentionDims d, BufferView q, BufferView k, BufferView v, BufferView y, BufferView sums);

    /// <summary>
    /// The gradients of q, k and v from the gradient <paramref name="dy"/> of y, given y and sums as
    /// <see cref="Forward"/> left them. With p the weights, dp = dy v^T and ds = p (dp - sum over channels of dy y):
    /// dv = p^T dy, dq = scale * ds k, dk = scale * ds^T q. Each of the three may be none and then costs nothing.
    /// Source: Dao et al., 2022, arXiv:2205.14135, algorithm 4.
    /// </summary>
    void Backward(
        in AttentionDims d, BufferView q, BufferView k, BufferView v, BufferView y, BufferView sums, BufferView dy,
        BufferView dq, BufferView dk, BufferView dv);
}
