using System.Collections.Generic;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Unet;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Vae;

/// <summary>Unfolds latents to an image. Source: Rombach et al., 2022, arXiv:2112.10752, model.py Decoder.</summary>
/// <remarks>
/// Memory: at 512 x 512 the widest activation is 268 MB in float32 (256 channels at full resolution); at most three of
/// that order are alive at once, because every step frees its input as soon as it is read.
/// </remarks>
internal sealed partial class VaeDecoder : Module
{
    private readonly Conv2d _convIn, _convOut;
    private readonly VaeMiddle _middle;
    private readonly List<Module> _steps = [];
    private readonly GroupNorm _normOut;

    /// <summary>
    /// Takes <c>conv_in</c>, <c>mid_block</c>, <c>up_blocks</c>, <c>conv_norm_out</c> and <c>conv_out</c>.
    /// </summary>
    public VaeDecoder(WeightMap weights, VaeConfig config)
        : base(weights)
    {
        int levels = config.BlockOutChannels.Count;
        int channels = config.BlockOutChannels[^1];
        _convIn = Own(new Conv2d(weights.In("conv_in"), config.LatentChannels, channels, kernel: 3));
        _middle = Own(new VaeMiddle(weights.In("mid_block"), config));
        for (int level = levels - 1; level >= 0; level--)
        {
            WeightMap stage = weights.In($"up_blocks.{levels - 1 - level}");
            for (int layer = 0; layer <= config.LayersPerBlock; layer++)
            {
                int wanted = config.BlockOutChannels[level];
                _steps.Add(Own(new ResnetBlock(
                    stage.In($"resnets.{layer}"), channels, wanted, config.NormGroups, config.NormEps)));
                channels = wanted;
            }

            if (level > 0)
            {
                WeightMap upsampler = stage.In("upsamplers.0");
                _steps.Add(Own(new Conv2d(
                    upsampler.In("conv"), channels, channels, kernel: 3, alsoOutputOf: upsampler.Path)));
            }
        }

        _normOut = Own(new GroupNorm(
            weights.In("conv_norm_out"), channels, config.NormGroups, config.NormEps, Activation.Silu));
        _convOut = Own(new Conv2d(
            weights.In("conv_out"), channels, config.OutChannels, kernel: 3, result: DType.F32));
    }

    /// <param name="latents"><c>[N, H, W, LatentChannels]</c></param>
    /// <returns><c>[N, 8 H, 8 W, OutChannels]</c>, about [-1, 1], not clamped.</returns>
    public Tensor Forward(Tensor latents)
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor h = _convIn.Forward(latents);
        h = h.ReplacedBy(_middle.Forward(h));
        foreach (Module step in _steps)
        {
            if (step is ResnetBlock resnet)
            {
                h = h.ReplacedBy(resnet.Forward(h));
            }
            else
            {
                h = h.ReplacedBy(Ops.UpsampleNearest(h, 2 * h.Shape[1], 2 * h.Shape[2]));
                h = h.ReplacedBy(((Conv2d)step).Forward(h));
            }
        }

        h = h.ReplacedBy(_normOut.Forward(h));
        return scope.Keep(_convOut.Forward(h));
    }
}
