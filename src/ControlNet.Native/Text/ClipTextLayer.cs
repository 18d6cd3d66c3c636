using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Text;

/// <summary>
/// One layer of a CLIP text encoder: causal self-attention and a feed-forward part, each behind a layer norm and inside
/// a residual. Source: Radford et al., 2021, arXiv:2103.00020, section 2.4.
/// </summary>
internal sealed class ClipTextLayer : Module
{
    private readonly LayerNorm _norm1, _norm2;
    private readonly Linear _q, _k, _v, _out, _fc1, _fc2;
    private readonly int _heads;
    private readonly Activation _activation;

    /// <summary>Takes <c>layer_norm1</c>, <c>self_attn</c>, <c>layer_norm2</c> and <c>mlp</c>.</summary>
    public ClipTextLayer(WeightMap weights, ClipTextConfig config)
        : base(weights)
    {
        int width = config.HiddenSize;
        (_heads, _activation) = (config.Heads, config.HiddenActivation);
        WeightMap attention = weights.In("self_attn");
        WeightMap mlp = weights.In("mlp");
        _norm1 = Own(new LayerNorm(weights.In("layer_norm1"), width, config.LayerNormEps));
        _q = Own(new Linear(attention.In("q_proj"), width, width));
        _k = Own(new Linear(attention.In("k_proj"), width, width));
        _v = Own(new Linear(attention.In("v_proj"), width, width));
        _out = Own(new Linear(attention.In("out_proj"), width, width, alsoOutputOf: attention.Path));
        _norm2 = Own(new LayerNorm(weights.In("layer_norm2"), width, config.LayerNormEps));
        _fc1 = Own(new Linear(mlp.In("fc1"), width, config.IntermediateSize));
        _fc2 = Own(new Linear(mlp.In("fc2"), config.IntermediateSize, width, alsoOutputOf: mlp.Path));
    }

    /// <param name="x"><c>[N, T, C]</c></param>
    /// <returns><c>[N, T, C]</c></returns>
    public Tensor Forward(Tensor x)
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor normed = _norm1.Forward(x);
        Tensor mixed = Ops.Attention(
            _q.Forward(normed), _k.Forward(normed), _v.Forward(normed), _heads, causal: true);
        Tensor h = _out.Forward(mixed, addTensor: x);
        Tensor inner = _fc1.Forward(_norm2.Forward(h), _activation);
        return scope.Keep(Report(_fc2.Forward(inner, addTensor: h)));
    }
}
