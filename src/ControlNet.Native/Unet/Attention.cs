using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Unet;

/// <summary>
/// Multi-head attention with its projections: of the pixels among themselves, or of the pixels to the text. Queries,
/// keys and values have no bias. Source: Rombach et al., 2022, arXiv:2112.10752, section 3.3; attention.py
/// CrossAttention.
/// </summary>
internal sealed class Attention : Module
{
    private readonly Linear _toQ, _toK, _toV, _toOut;
    private readonly int _heads;

    /// <summary>Takes <c>to_q</c>, <c>to_k</c>, <c>to_v</c> and <c>to_out.0</c>.</summary>
    /// <param name="weights">The checkpoint, from this module down.</param>
    /// <param name="channels">C of the pixels.</param>
    /// <param name="contextWidth">Width of what keys and values are made of: C, or that of the text states.</param>
    /// <param name="heads">Number of heads; divides C.</param>
    public Attention(WeightMap weights, int channels, int contextWidth, int heads)
        : base(weights)
    {
        _heads = heads;
        _toQ = Own(new Linear(weights.In("to_q"), channels, channels, hasBias: false));
        _toK = Own(new Linear(weights.In("to_k"), contextWidth, channels, hasBias: false));
        _toV = Own(new Linear(weights.In("to_v"), contextWidth, channels, hasBias: false));
        _toOut = Own(new Linear(weights.In("to_out.0"), channels, channels, alsoOutputOf: Path));
    }

    /// <summary>Self-attention.</summary>
    /// <param name="x">Normalised pixels, <c>[N, T, C]</c>.</param>
    /// <param name="residual">Added to the result, <c>[N, T, C]</c>.</param>
    /// <returns><c>[N, T, C]</c></returns>
    public Tensor Forward(Tensor x, Tensor residual)
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor queries = _toQ.Forward(x);
        Tensor keys = _toK.Forward(x);
        Tensor values = _toV.Forward(x);
        return scope.Keep(Mix(queries, keys, values, residual));
    }

    /// <summary>
    /// Cross-attention. Pixels that several texts share are shared up to their query; here their ways part.
    /// </summary>
    /// <param name="x">Normalised pixels, <c>[N, T, C]</c>.</param>
    /// <param name="context">The text, <c>[M, S, contextWidth]</c>; M is a multiple of N.</param>
    /// <param name="residual">Added to the result, <c>[N, T, C]</c>.</param>
    /// <returns><c>[M, T, C]</c></returns>
    public Tensor Forward(Tensor x, TextContext context, Tensor residual)
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor queries = context.ForEach(_toQ.Forward(x));
        if (context.ProjectionsOf(this) is not { } projections)
        {
            projections = (_toK.Forward(context.States), _toV.Forward(context.States));
            if (!Tape.IsOpen)
            {
                context.Keep(this, projections.Keys, projections.Values);
            }
        }

        return scope.Keep(Mix(queries, projections.Keys, projections.Values, context.ForEach(residual)));
    }

    private Tensor Mix(Tensor queries, Tensor keys, Tensor values, Tensor residual) =>
        _toOut.Forward(Ops.Attention(queries, keys, values, _heads), addTensor: residual);
}
