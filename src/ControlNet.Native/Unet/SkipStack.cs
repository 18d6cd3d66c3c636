using System;
using System.Collections.Generic;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Unet;

/// <summary>
/// The images of the way down, taken back last first on the way up, one for each text and with the residuals of a
/// control network added. Both is done when a skip is taken, so that only one such image is alive at a time.
/// </summary>
internal sealed class SkipStack(IReadOnlyList<Tensor> skips, ISkipResiduals? residuals, TextContext context)
{
    private int _left = skips.Count;

    /// <summary>Height and width of the next skip, in latent pixels.</summary>
    public (int Height, int Width) SizeOfNext => (skips[_left - 1].Shape[1], skips[_left - 1].Shape[2]);

    /// <summary>Takes the next skip; it is the taker's to free.</summary>
    public Tensor Pop()
    {
        _left--;
        return Controlled(skips[_left], residuals?.Skips[_left]);
    }

    /// <summary>An image of the way down with its residual; the image is freed unless it is the result.</summary>
    /// <param name="image"><c>[N or M, H, W, C]</c></param>
    /// <param name="residual"><c>[1, N or M, H or 1, W or 1, C]</c>, or none.</param>
    /// <returns><c>[M, H, W, C]</c>, one for each text.</returns>
    public Tensor Controlled(Tensor image, Tensor? residual)
    {
        Tensor sum = residual is null ? image : image.ReplacedBy(Sum(image, residual));
        Tensor each = context.ForEach(sum);
        return ReferenceEquals(each, sum) ? sum : sum.ReplacedBy(each);
    }

    /// <summary>Adds batches of which one may repeat the other, without copying the shorter one.</summary>
    private static Tensor Sum(Tensor image, Tensor residual)
    {
        using TensorScope scope = TensorScope.Enter();
        Shape x = image.Shape, r = residual.Shape;
        int members = Math.Min(x[0], r[0]);
        Tensor sum = Ops.Add(
            image.Reshape(x[0] / members, members, x[1] * x[2], x[3]),
            residual.Reshape(r[0] / members, members, r[1] * r[2], r[3]));
        return scope.Keep(sum.Reshape(Math.Max(x[0], r[0]), x[1], x[2], x[3]));
    }
}
