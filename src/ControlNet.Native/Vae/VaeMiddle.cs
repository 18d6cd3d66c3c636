using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Unet;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Vae;

/// <summary>The lowest resolution of encoder and decoder: a residual block, attention, a residual block.</summary>
internal sealed class VaeMiddle : Module
{
    private readonly ResnetBlock _first, _second;
    private readonly VaeAttention? _attention;

    /// <summary>Takes <c>resnets.0</c>, <c>attentions.0</c> and <c>resnets.1</c>.</summary>
    public VaeMiddle(WeightMap weights, VaeConfig config)
        : base(weights)
    {
        int channels = config.BlockOutChannels[^1];
        _first = Own(new ResnetBlock(weights.In("resnets.0"), channels, channels, config.NormGroups, config.NormEps));
        _attention = config.MidAttention ? Own(new VaeAttention(weights.In("attentions.0"), config, channels)) : null;
        _second = Own(new ResnetBlock(weights.In("resnets.1"), channels, channels, config.NormGroups, config.NormEps));
    }

    /// <param name="x"><c>[N, H, W, C]</c></param>
    /// <returns><c>[N, H, W, C]</c></returns>
    public Tensor Forward(Tensor x)
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor h = _first.Forward(x);
        h = _attention is null ? h : h.ReplacedBy(_attention.Forward(h));
        return scope.Keep(h.ReplacedBy(_second.Forward(h)));
    }
}
