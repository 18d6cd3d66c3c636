using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Nn;

/// <summary>Group normalisation with its scale and shift; see <see cref="Ops.GroupNorm"/>.</summary>
internal sealed class GroupNorm : Module
{
    private readonly Tensor _gamma, _beta;
    private readonly int _groups;
    private readonly float _eps;
    private readonly Activation _activation;

    /// <summary>Takes <c>weight</c> and <c>bias</c>, both <c>[channels]</c>.</summary>
    /// <param name="weights">The checkpoint, from this layer down.</param>
    /// <param name="channels">C of the input.</param>
    /// <param name="groups">Groups the channels are split into.</param>
    /// <param name="eps">Added to the variance.</param>
    /// <param name="activation">Fused into the same pass.</param>
    public GroupNorm(WeightMap weights, int channels, int groups, double eps, Activation activation = Activation.None)
        : base(weights)
    {
        _groups = groups;
        _eps = (float)eps;
        _activation = activation;
        _gamma = Own(weights.Take("weight", new Shape(channels)));
        _beta = Own(weights.Take("bias", new Shape(channels)));
    }

    /// <param name="x"><c>[N, H, W, C]</c></param>
    /// <returns><c>[N, H, W, C]</c></returns>
    public Tensor Forward(Tensor x)
    {
        if (!ModuleTrace.Listening)
        {
            return Ops.GroupNorm(x, _gamma, _beta, _groups, _eps, _activation);
        }

        using TensorScope scope = TensorScope.Enter();
        Tensor y = Report(Ops.GroupNorm(x, _gamma, _beta, _groups, _eps));
        return scope.Keep(_activation == Activation.None ? y : Ops.Activate(y, _activation));
    }
}
