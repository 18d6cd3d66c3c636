using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Unet;

/// <summary>
/// A transformer over the pixels of an image, with a projection on either side and a residual around it all. Source:
/// Rombach et al., 2022, arXiv:2112.10752, attention.py SpatialTransformer.
/// </summary>
internal sealed class SpatialTransformer : Module
{
    private readonly GroupNorm _norm;
    private readonly TransformerBlock _block;

    // One pair or the other: 1x1 convolutions in Stable Diffusion 1.x, linear layers in 2.x. In channels-last both are
    // the same product; they stay apart because checkpoints and traces keep them apart.
    private readonly Conv2d? _convIn, _convOut;
    private readonly Linear? _linearIn, _linearOut;

    /// <summary>Takes <c>norm</c>, <c>proj_in</c>, <c>transformer_blocks.0</c> and <c>proj_out</c>.</summary>
    /// <param name="weights">The checkpoint, from this module down.</param>
    /// <param name="config">The network.</param>
    /// <param name="channels">C of the image.</param>
    /// <param name="heads">Number of heads; divides C.</param>
    public SpatialTransformer(WeightMap weights, UnetConfig config, int channels, int heads)
        : base(weights)
    {
        _norm = Own(new GroupNorm(weights.In("norm"), channels, config.NormGroups, config.TransformerNormEps));
        if (config.UseLinearProjection)
        {
            _linearIn = Own(new Linear(weights.In("proj_in"), channels, channels));
            _linearOut = Own(new Linear(weights.In("proj_out"), channels, channels));
        }
        else
        {
            _convIn = Own(new Conv2d(weights.In("proj_in"), channels, channels, kernel: 1));
            _convOut = Own(new Conv2d(weights.In("proj_out"), channels, channels, kernel: 1));
        }

        _block = Own(new TransformerBlock(
            weights.In("transformer_blocks.0"), channels, config.CrossAttentionDim, heads));
    }

    /// <param name="x"><c>[N, H, W, C]</c></param>
    /// <param name="context">The text, M states; a multiple of N.</param>
    /// <returns><c>[M, H, W, C]</c></returns>
    public Tensor Forward(Tensor x, TextContext context) =>
        Recompute.IsOn
            ? Recompute.Run([x, context.States], i => Transform(i[0]!, new TextContext(i[1]!)))
            : Transform(x, context);

    private Tensor Transform(Tensor x, TextContext context)
    {
        (int batch, int height, int width, int channels) = (x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]);
        using TensorScope scope = TensorScope.Enter();
        Tensor h = _norm.Forward(x);
        Tensor tokens = _convIn is not null
            ? _convIn.Forward(h).Reshape(batch, height * width, channels)
            : _linearIn!.Forward(h.Reshape(batch, height * width, channels));            // [N, H W, C]
        tokens = tokens.ReplacedBy(_block.Forward(tokens, context));                     // [M, H W, C]
        Tensor residual = context.ForEach(x);
        Tensor y = _convOut is not null
            ? _convOut.Forward(tokens.Reshape(-1, height, width, channels), addTensor: residual)
            : _linearOut!.Forward(tokens, addTensor: residual).Reshape(-1, height, width, channels);
        return scope.Keep(Report(y));
    }
}
