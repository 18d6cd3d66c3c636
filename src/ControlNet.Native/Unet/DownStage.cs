using System.Collections.Generic;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Unet;

/// <summary>
/// One resolution on the way down: residual blocks, each with a transformer behind it where the level attends, and a
/// convolution of stride 2 that leads to the next level.
/// </summary>
internal sealed class DownStage : Module
{
    private readonly List<ResnetBlock> _resnets = [];
    private readonly List<SpatialTransformer> _attentions = [];
    private readonly Conv2d? _downsample;

    /// <summary>
    /// Takes <c>resnets</c>, <c>attentions</c> and, on all levels but the last, <c>downsamplers.0.conv</c>.
    /// </summary>
    /// <param name="weights">The checkpoint, from this stage down.</param>
    /// <param name="config">The network.</param>
    /// <param name="level">Which stage, 0 at full resolution.</param>
    public DownStage(WeightMap weights, UnetConfig config, int level)
        : base(weights)
    {
        int channels = config.BlockOutChannels[level];
        int inChannels = config.BlockOutChannels[level == 0 ? 0 : level - 1];
        for (int layer = 0; layer < config.LayersPerBlock[level]; layer++)
        {
            _resnets.Add(Own(new ResnetBlock(
                weights.In($"resnets.{layer}"), layer == 0 ? inChannels : channels, channels,
                config.NormGroups, config.NormEps, config.TimeEmbedDim)));
            if (config.DownAttention[level])
            {
                _attentions.Add(Own(new SpatialTransformer(
                    weights.In($"attentions.{layer}"), config, channels, config.Heads[level])));
            }
        }

        if (level < config.Levels - 1)
        {
            WeightMap downsampler = weights.In("downsamplers.0");
            _downsample = Own(new Conv2d(
                downsampler.In("conv"), channels, channels, kernel: 3, stride: 2, Padding.All(config.DownsamplePadding),
                alsoOutputOf: downsampler.Path));
        }
    }

    /// <summary>Runs the stage; the last entry of <paramref name="skips"/> afterwards is its result.</summary>
    /// <param name="x"><c>[N, H, W, C]</c> of the level above; stays untouched.</param>
    /// <param name="time">The timesteps.</param>
    /// <param name="context">The text.</param>
    /// <param name="skips">
    /// Receives one image for each layer, and the downsampled one: <c>[N, H/2, W/2, C]</c>, rounded up. From the first
    /// transformer on there is one for each text.
    /// </param>
    public void Forward(Tensor x, StepTime time, TextContext context, List<Tensor> skips)
    {
        for (int layer = 0; layer < _resnets.Count; layer++)
        {
            x = _resnets[layer].Forward(x, time);
            if (_attentions.Count > 0)
            {
                x = x.ReplacedBy(_attentions[layer].Forward(x, context));
            }

            skips.Add(x);
        }

        if (_downsample is not null)
        {
            skips.Add(_downsample.Forward(x));
        }
    }
}
