using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Nn;

/// <summary>Layer normalisation with its scale and shift; see <see cref="Ops.LayerNorm"/>.</summary>
internal sealed class LayerNorm : Module
{
    private readonly Tensor _gamma, _beta;
    private readonly float _eps;

    /// <summary>Takes <c>weight</c> and <c>bias</c>, both <c>[width]</c>.</summary>
    /// <param name="weights">The checkpoint, from this layer down.</param>
    /// <param name="width">Last extent of the input.</param>
    /// <param name="eps">Added to the variance; 1e-5 throughout Stable Diffusion.</param>
    public LayerNorm(WeightMap weights, int width, double eps = 1e-5)
        : base(weights)
    {
        _eps = (float)eps;
        _gamma = Own(weights.Take("weight", new Shape(width)));
        _beta = Own(weights.Take("bias", new Shape(width)));
    }

    /// <param name="x"><c>[..., width]</c></param>
    /// <returns>The shape of x.</returns>
    public Tensor Forward(Tensor x) => Report(Ops.LayerNorm(x, _gamma, _beta, _eps));
}
