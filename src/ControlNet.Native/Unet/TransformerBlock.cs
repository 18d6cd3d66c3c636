using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Unet;

/// <summary>
/// Self-attention, cross-attention to the text and a feed-forward part, each behind a layer norm and inside a residual.
/// Source: Rombach et al., 2022, arXiv:2112.10752, attention.py BasicTransformerBlock.
/// </summary>
internal sealed class TransformerBlock : Module
{
    private readonly LayerNorm _norm1, _norm2, _norm3;
    private readonly Attention _self, _cross;
    private readonly FeedForward _feedForward;

    /// <summary>Takes <c>norm1</c> to <c>norm3</c>, <c>attn1</c>, <c>attn2</c> and <c>ff</c>.</summary>
    /// <param name="weights">The checkpoint, from this block down.</param>
    /// <param name="channels">C of the pixels.</param>
    /// <param name="contextWidth">Width of the text states.</param>
    /// <param name="heads">Number of heads of both attentions.</param>
    public TransformerBlock(WeightMap weights, int channels, int contextWidth, int heads)
        : base(weights)
    {
        _norm1 = Own(new LayerNorm(weights.In("norm1"), channels));
        _self = Own(new Attention(weights.In("attn1"), channels, channels, heads));
        _norm2 = Own(new LayerNorm(weights.In("norm2"), channels));
        _cross = Own(new Attention(weights.In("attn2"), channels, contextWidth, heads));
        _norm3 = Own(new LayerNorm(weights.In("norm3"), channels));
        _feedForward = Own(new FeedForward(weights.In("ff"), channels));
    }

    /// <param name="x">Pixels, <c>[N, T, C]</c>.</param>
    /// <param name="context">The text, <c>[M, S, contextWidth]</c>; M is a multiple of N.</param>
    /// <returns><c>[M, T, C]</c></returns>
    public Tensor Forward(Tensor x, TextContext context)
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor normed = _norm1.Forward(x);
        Tensor h = _self.Forward(normed, residual: x);
        normed = normed.ReplacedBy(_norm2.Forward(h));
        h = h.ReplacedBy(_cross.Forward(normed, context, residual: h));
        normed = normed.ReplacedBy(_norm3.Forward(h));
        h = h.ReplacedBy(_feedForward.Forward(normed, residual: h));
        return scope.Keep(Report(h));
    }
}
