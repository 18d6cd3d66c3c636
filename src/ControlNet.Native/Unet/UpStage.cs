using System.Collections.Generic;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Unet;

/// <summary>
/// One resolution on the way up: residual blocks that each read a skip beside their input, transformers where the level
/// attends, then nearest-neighbour upsampling and a convolution.
/// </summary>
internal sealed class UpStage : Module
{
    private readonly List<ResnetBlock> _resnets = [];
    private readonly List<SpatialTransformer> _attentions = [];
    private readonly Conv2d? _upsample;

    /// <summary>
    /// Takes <c>resnets</c>, <c>attentions</c> and, on all levels but the first, <c>upsamplers.0.conv</c>.
    /// </summary>
    /// <param name="weights">The checkpoint, from this stage down.</param>
    /// <param name="config">The network.</param>
    /// <param name="level">Which resolution, 0 at full; stages run from the highest level number to 0.</param>
    /// <param name="skipChannels">Channels of the skips that are left; the stage takes its own from the end.</param>
    public UpStage(WeightMap weights, UnetConfig config, int level, Stack<int> skipChannels)
        : base(weights)
    {
        int channels = config.BlockOutChannels[level];
        int inChannels = config.BlockOutChannels[level == config.Levels - 1 ? level : level + 1];
        for (int layer = 0; layer <= config.LayersPerBlock[level]; layer++)
        {
            _resnets.Add(Own(new ResnetBlock(
                weights.In($"resnets.{layer}"), (layer == 0 ? inChannels : channels) + skipChannels.Pop(), channels,
                config.NormGroups, config.NormEps, config.TimeEmbedDim)));
            if (config.UpAttention[level])
            {
                _attentions.Add(Own(new SpatialTransformer(
                    weights.In($"attentions.{layer}"), config, channels, config.Heads[level])));
            }
        }

        if (level > 0)
        {
            WeightMap upsampler = weights.In("upsamplers.0").At(config.ImageSizeOf(level - 1));
            _upsample = Own(new Conv2d(
                upsampler.In("conv"), channels, channels, kernel: 3, alsoOutputOf: upsampler.Path));
        }
    }

    /// <param name="x"><c>[N, H, W, C]</c> of the level below; freed.</param>
    /// <param name="time">The timesteps.</param>
    /// <param name="context">The text.</param>
    /// <param name="skips">The skips that are left, <c>[N, H, W, …]</c> at the top.</param>
    /// <returns>
    /// An image of the size of the next skip: <c>[N, 2 H, 2 W, C]</c>, or one pixel less where that level is odd; on
    /// level 0 of the size of x.
    /// </returns>
    public Tensor Forward(Tensor x, StepTime time, TextContext context, SkipStack skips)
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor h = x;
        for (int layer = 0; layer < _resnets.Count; layer++)
        {
            Tensor skip = skips.Pop();
            h = h.ReplacedBy(Ops.Concat(-1, h, skip));
            skip.Dispose();
            h = h.ReplacedBy(_resnets[layer].Forward(h, time));
            if (_attentions.Count > 0)
            {
                h = h.ReplacedBy(_attentions[layer].Forward(h, context));
            }
        }

        if (_upsample is not null)
        {
            (int height, int width) = skips.SizeOfNext;
            h = h.ReplacedBy(Ops.UpsampleNearest(h, height, width));
            h = h.ReplacedBy(_upsample.Forward(h));
        }

        return scope.Keep(h);
    }
}
