using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Unet;

/// <summary>
/// Two 3x3 convolutions with a residual around them and, in a UNet, the time embedding added between. Source: Rombach
/// et al., 2022, arXiv:2112.10752, openaimodel.py ResBlock; diffusers' ResnetBlock2D.
/// </summary>
internal sealed partial class ResnetBlock : Module
{
    private readonly GroupNorm _norm1, _norm2;
    private readonly Conv2d _conv1, _conv2;
    private readonly Linear? _timeProjection;
    private readonly Conv2d? _shortcut;

    /// <summary>
    /// Takes <c>norm1</c>, <c>conv1</c>, <c>time_emb_proj</c>, <c>norm2</c>, <c>conv2</c>, <c>conv_shortcut</c>.
    /// </summary>
    /// <param name="weights">The checkpoint, from this block down.</param>
    /// <param name="inChannels">C of the input.</param>
    /// <param name="outChannels">C of the output; a 1x1 shortcut exists when it differs from the input's.</param>
    /// <param name="groups">Groups of both norms.</param>
    /// <param name="eps">Epsilon of both norms: 1e-5 in the UNet, 1e-6 in the autoencoder.</param>
    /// <param name="timeWidth">Width of the time embedding; null in the autoencoder, which has none.</param>
    public ResnetBlock(
        WeightMap weights, int inChannels, int outChannels, int groups, double eps, int? timeWidth = null)
        : base(weights)
    {
        _norm1 = Own(new GroupNorm(weights.In("norm1"), inChannels, groups, eps, Activation.Silu));
        _conv1 = Own(new Conv2d(weights.In("conv1"), inChannels, outChannels, kernel: 3));
        _timeProjection = timeWidth is { } width
            ? Own(new Linear(weights.In("time_emb_proj"), width, outChannels, result: DType.F32))
            : null;
        _norm2 = Own(new GroupNorm(weights.In("norm2"), outChannels, groups, eps, Activation.Silu));
        _conv2 = Own(new Conv2d(weights.In("conv2"), outChannels, outChannels, kernel: 3));
        _shortcut = inChannels == outChannels
            ? null
            : Own(new Conv2d(weights.In("conv_shortcut"), inChannels, outChannels, kernel: 1));
    }

    /// <summary>
    /// Frees every intermediate as soon as it was read: in the autoencoder each holds 134 MB at 512 x 512.
    /// </summary>
    /// <param name="x"><c>[N, H, W, inChannels]</c></param>
    /// <param name="time">The timesteps; null where the block has no time embedding.</param>
    /// <returns><c>[N, H, W, outChannels]</c></returns>
    public Tensor Forward(Tensor x, StepTime? time = null)
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor? shift = _timeProjection is null
            ? null
            : time!.Projected(_timeProjection, batch: x.Shape[0]);                       // [N, outChannels]
        return scope.Keep(Recompute.IsOn ? Recompute.Run([x, shift], i => Residual(i[0]!, i[1])) : Residual(x, shift));
    }

    private Tensor Residual(Tensor x, Tensor? shift)
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor h = _norm1.Forward(x);                                                    // [N, H, W, inChannels]
        h = h.ReplacedBy(_conv1.Forward(h, addRow: shift));                              // [N, H, W, outChannels]
        h = h.ReplacedBy(_norm2.Forward(h));
        h = h.ReplacedBy(_conv2.Forward(h, addTensor: _shortcut is null ? x : null));
        if (_shortcut is not null)
        {
            h = h.ReplacedBy(_shortcut.Forward(x, addTensor: h));
        }

        return scope.Keep(Report(h));
    }
}
