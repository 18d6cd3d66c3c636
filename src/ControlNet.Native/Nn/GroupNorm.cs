using System;
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

    /// <summary>The norm of an image in bands: statistics of all of them, one function for each.</summary>
    /// <returns>Its tensors belong to the caller's scope.</returns>
    public BandNorm Fit(Bands image)
    {
        (double Mean, double Variance)[] moments = BandMoments.Of(image.All, _groups);
        float[] scale = _gamma.ToArray();
        float[] mean = new float[scale.Length];
        for (int c = 0; c < scale.Length; c++)
        {
            int group = c / (scale.Length / _groups);
            mean[c] = (float)moments[group].Mean;
            scale[c] = (float)(scale[c] / Math.Sqrt(moments[group].Variance + _eps));
        }

        return new BandNorm(_gamma.Like(mean), _gamma.Like(scale), _beta, _activation);
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
