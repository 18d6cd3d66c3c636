using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors;

/// <content>Group normalisation.</content>
public static partial class Ops
{
    /// <summary>
    /// Normalises each group of channels of each image to mean 0 and variance 1, then scales, shifts and activates:
    /// <c>act((x - mean) / sqrt(var + eps) * gamma + beta)</c>.
    /// </summary>
    /// <param name="x">Activations, <c>[N, H, W, C]</c>.</param>
    /// <param name="gamma">Scale of each channel, F32 <c>[C]</c>.</param>
    /// <param name="beta">Shift of each channel, F32 <c>[C]</c>.</param>
    /// <param name="groups">Number of groups G; must divide C. Stable Diffusion uses 32 throughout.</param>
    /// <param name="eps">
    /// Added to the variance, above 0. 1e-5 in the UNet, 1e-6 in the VAE and the attention blocks.
    /// </param>
    /// <param name="activation">Fused into the same pass; costs no extra memory traffic.</param>
    /// <returns>A new tensor, <c>[N, H, W, C]</c>, of the type of x.</returns>
    /// <exception cref="ShapeException">The shapes do not fit together.</exception>
    /// <remarks>Source: Wu and He, 2018, arXiv:1803.08494.</remarks>
    public static Tensor GroupNorm(
        Tensor x, Tensor gamma, Tensor beta, int groups, float eps = 1e-5f, Activation activation = Activation.None)
    {
        Check(x, x);
        return GroupNorm(
            GroupNormDims.Infer(x.Shape, gamma.Shape, beta.Shape, groups, eps, activation), x, gamma, beta);
    }

    private static Tensor GroupNorm(in GroupNormDims d, Tensor x, Tensor gamma, Tensor beta)
    {
        CheckFloats(x, gamma);
        CheckFloats(x, beta);
        CheckResult(nameof(GroupNorm), x, x.DType, addTensor: null, gamma, beta);
        Tensor y = new(x.Backend, x.Shape, x.DType);
        x.Backend.GroupNorm.Forward(d, x.View, gamma.View, beta.View, y.View);
        Tape.For(x, gamma, beta)?.Add(new GroupNormNode(d, x, gamma, beta), y);
        return y;
    }

    /// <summary>Also that of layer norm. Takes the statistics from x again, so only x is kept.</summary>
    private sealed class GroupNormNode : BackwardNode
    {
        private readonly GroupNormDims _dims;
        private readonly Tensor _x, _gamma, _beta;

        public GroupNormNode(in GroupNormDims d, Tensor x, Tensor gamma, Tensor beta) =>
            (_dims, _x, _gamma, _beta) = (d, Save(x), Save(gamma), Save(beta));

        public override void Run(Tensor dy, Gradients gradients)
        {
            Tensor? dx = Wanted(_x), dGamma = Wanted(_gamma), dBeta = Wanted(_beta);
            dy.Backend.GroupNorm.Backward(
                _dims, _x.View, _gamma.View, _beta.View, dy.View, ViewOf(dx), ViewOf(dGamma), ViewOf(dBeta));
            AddWanted(gradients, _x, dx);
            AddWanted(gradients, _gamma, dGamma);
            AddWanted(gradients, _beta, dBeta);
        }
    }
}
