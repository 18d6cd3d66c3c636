using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Unet;

/// <summary>The turning point at the lowest resolution: a residual block, a transformer, a residual block.</summary>
internal sealed class MiddleStage : Module
{
    private readonly ResnetBlock _first, _second;
    private readonly SpatialTransformer _attention;

    /// <summary>Takes <c>resnets.0</c>, <c>attentions.0</c> and <c>resnets.1</c>.</summary>
    public MiddleStage(WeightMap weights, UnetConfig config)
        : base(weights)
    {
        int channels = config.BlockOutChannels[^1];
        _first = Own(Resnet(weights.In("resnets.0")));
        _attention = Own(new SpatialTransformer(weights.In("attentions.0"), config, channels, config.Heads[^1]));
        _second = Own(Resnet(weights.In("resnets.1")));

        ResnetBlock Resnet(WeightMap at) =>
            new(at, channels, channels, config.NormGroups, config.NormEps, config.TimeEmbedDim);
    }

    /// <param name="x"><c>[N, H, W, C]</c></param>
    /// <param name="time">The timesteps.</param>
    /// <param name="context">The text.</param>
    /// <returns><c>[M, H, W, C]</c>, one for each text.</returns>
    public Tensor Forward(Tensor x, StepTime time, TextContext context)
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor h = _first.Forward(x, time);
        h = h.ReplacedBy(_attention.Forward(h, context));
        return scope.Keep(h.ReplacedBy(_second.Forward(h, time)));
    }
}
