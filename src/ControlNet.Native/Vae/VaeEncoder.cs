using System.Collections.Generic;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Unet;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Vae;

/// <summary>
/// Compresses an image to means and log-variances of latents. Source: Rombach et al., 2022, arXiv:2112.10752, model.py
/// Encoder.
/// </summary>
internal sealed partial class VaeEncoder : Module
{
    private readonly Conv2d _convIn, _convOut;
    private readonly List<Module> _steps = [];
    private readonly VaeMiddle _middle;
    private readonly GroupNorm _normOut;

    /// <summary>
    /// Takes <c>conv_in</c>, <c>down_blocks</c>, <c>mid_block</c>, <c>conv_norm_out</c> and <c>conv_out</c>.
    /// </summary>
    public VaeEncoder(WeightMap weights, VaeConfig config)
        : base(weights)
    {
        int channels = config.BlockOutChannels[0];
        _convIn = Own(new Conv2d(weights.In("conv_in"), config.InChannels, channels, kernel: 3));
        for (int level = 0; level < config.BlockOutChannels.Count; level++)
        {
            WeightMap stage = weights.In($"down_blocks.{level}");
            for (int layer = 0; layer < config.LayersPerBlock; layer++)
            {
                int wanted = config.BlockOutChannels[level];
                _steps.Add(Own(new ResnetBlock(
                    stage.In($"resnets.{layer}"), channels, wanted, config.NormGroups, config.NormEps)));
                channels = wanted;
            }

            if (level < config.BlockOutChannels.Count - 1)
            {
                // Zeros below and to the right only: the one convolution of the family that is not symmetric.
                WeightMap downsampler = stage.In("downsamplers.0");
                _steps.Add(Own(new Conv2d(
                    downsampler.In("conv"), channels, channels, kernel: 3, stride: 2, Padding.BottomRight(1),
                    alsoOutputOf: downsampler.Path)));
            }
        }

        _middle = Own(new VaeMiddle(weights.In("mid_block"), config));
        _normOut = Own(new GroupNorm(
            weights.In("conv_norm_out"), channels, config.NormGroups, config.NormEps, Activation.Silu));
        _convOut = Own(new Conv2d(
            weights.In("conv_out"), channels, 2 * config.LatentChannels, kernel: 3, result: DType.F32));
    }

    /// <param name="image"><c>[N, H, W, InChannels]</c>, values in [-1, 1].</param>
    /// <returns><c>[N, H / 8, W / 8, 2 * LatentChannels]</c>, rounded down.</returns>
    public Tensor Forward(Tensor image)
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor h = _convIn.Forward(image);
        foreach (Module step in _steps)
        {
            h = h.ReplacedBy(step is ResnetBlock resnet ? resnet.Forward(h) : ((Conv2d)step).Forward(h));
        }

        h = h.ReplacedBy(_middle.Forward(h));
        h = h.ReplacedBy(_normOut.Forward(h));
        return scope.Keep(_convOut.Forward(h));
    }
}
