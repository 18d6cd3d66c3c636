using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Unet;

/// <summary>
/// The part of a transformer that works on each pixel alone: a projection to values and gates, each four times as wide,
/// the gated GELU, and a projection back. Source: Shazeer, 2020, arXiv:2002.05202; attention.py FeedForward.
/// </summary>
internal sealed class FeedForward : Module
{
    private const int Expansion = 4;

    private readonly Linear _in, _out;

    /// <summary>Takes <c>net.0.proj</c> and <c>net.2</c>.</summary>
    public FeedForward(WeightMap weights, int channels)
        : base(weights)
    {
        _in = Own(new Linear(weights.In("net.0.proj"), channels, 2 * Expansion * channels));
        _out = Own(new Linear(weights.In("net.2"), Expansion * channels, channels, alsoOutputOf: Path));
    }

    /// <param name="x">Normalised pixels, <c>[N, T, C]</c>.</param>
    /// <param name="residual">Added to the result, <c>[N, T, C]</c>.</param>
    /// <returns><c>[N, T, C]</c></returns>
    public Tensor Forward(Tensor x, Tensor residual)
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor h = _in.ForwardGeglu(x);                                                  // [N, T, 4 C]
        return scope.Keep(_out.Forward(h, addTensor: residual));
    }
}
