using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors;

/// <content>Attention.</content>
public static partial class Ops
{
    /// <summary>
    /// Multi-head attention, <c>softmax(scale * q k^T) v</c> for each head, without storing the score matrix.
    /// </summary>
    /// <param name="q">Queries, <c>[N, T, C]</c>; head h occupies channels <c>h C / heads</c> onwards.</param>
    /// <param name="k">Keys, <c>[N, S, C]</c>.</param>
    /// <param name="v">Values, <c>[N, S, C]</c>.</param>
    /// <param name="heads">Number of heads; divides C.</param>
    /// <param name="scale">Factor of the scores; by default 1 / sqrt(C / heads).</param>
    /// <param name="causal">Query i sees keys 0 to i only; T must equal S. The text encoder's mask.</param>
    /// <returns><c>[N, T, C]</c></returns>
    /// <exception cref="ShapeException">The shapes do not fit together.</exception>
    /// <remarks>
    /// Source: Vaswani et al., 2017, arXiv:1706.03762; Dao et al., 2022, arXiv:2205.14135 for the order of work.
    /// </remarks>
    public static Tensor Attention(Tensor q, Tensor k, Tensor v, int heads, float? scale = null, bool causal = false)
    {
        Check(q, q);
        Check(q, k);
        Check(q, v);
        AttentionDims d = AttentionDims.Infer(q.Shape, k.Shape, v.Shape, heads, scale, causal);
        Tensor y = new(q.Backend, q.Shape, q.DType);
        if (Tape.For(q, k, v) is not { } tape)
        {
            q.Backend.Attention.Forward(d, q.View, k.View, v.View, y.View, BufferView.None);
            return y;
        }

        using Tensor sums = new(q.Backend, new Shape(d.Batch, d.Heads, 2, d.Queries));
        q.Backend.Attention.Forward(d, q.View, k.View, v.View, y.View, sums.View);
        tape.Add(new AttentionNode(d, q, k, v, y, sums), y);
        return y;
    }

    private sealed class AttentionNode : BackwardNode
    {
        private readonly AttentionDims _dims;
        private readonly Tensor _q, _k, _v, _y, _sums;

        public AttentionNode(in AttentionDims d, Tensor q, Tensor k, Tensor v, Tensor y, Tensor sums) =>
            (_dims, _q, _k, _v, _y, _sums) = (d, Save(q), Save(k), Save(v), Save(y), Save(sums));

        public override void Run(Tensor dy, Gradients gradients)
        {
            Tensor? dq = Wanted(_q), dk = Wanted(_k), dv = Wanted(_v);
            dy.Backend.Attention.Backward(
                _dims, _q.View, _k.View, _v.View, _y.View, _sums.View, dy.View, ViewOf(dq), ViewOf(dk), ViewOf(dv));
            AddWanted(gradients, _q, dq);
            AddWanted(gradients, _k, dk);
            AddWanted(gradients, _v, dv);
        }
    }
}
