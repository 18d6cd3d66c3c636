using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Vae;

/// <summary>
/// Single-head attention of all pixels among themselves, with a residual around it. Source: Rombach et al., 2022,
/// arXiv:2112.10752, ldm/modules/diffusionmodules/model.py AttnBlock.
/// </summary>
internal sealed class VaeAttention : Module
{
    private readonly GroupNorm _norm;
    private readonly Linear _toQ, _toK, _toV, _toOut;

    /// <summary>Takes <c>group_norm</c>, <c>to_q</c>, <c>to_k</c>, <c>to_v</c> and <c>to_out.0</c>.</summary>
    public VaeAttention(WeightMap weights, VaeConfig config, int channels)
        : base(weights)
    {
        _norm = Own(new GroupNorm(weights.In("group_norm"), channels, config.NormGroups, config.NormEps));
        _toQ = Own(new Linear(weights.In("to_q"), channels, channels));
        _toK = Own(new Linear(weights.In("to_k"), channels, channels));
        _toV = Own(new Linear(weights.In("to_v"), channels, channels));
        _toOut = Own(new Linear(weights.In("to_out.0"), channels, channels));
    }

    /// <param name="x"><c>[N, H, W, C]</c></param>
    /// <returns><c>[N, H, W, C]</c></returns>
    public Tensor Forward(Tensor x)
    {
        (int batch, int height, int width, int channels) = (x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]);
        using TensorScope scope = TensorScope.Enter();
        Tensor tokens = _norm.Forward(x).Reshape(batch, height * width, channels);
        Tensor queries = _toQ.Forward(tokens);
        Tensor keys = _toK.Forward(tokens);
        Tensor values = _toV.Forward(tokens);
        Tensor mixed = Ops.Attention(queries, keys, values, heads: 1);
        Tensor y = _toOut.Forward(mixed, addTensor: x).Reshape(batch, height, width, channels);
        return scope.Keep(Report(y));
    }
}
