using System.Collections.Generic;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Unet;

/// <summary>
/// The images of the way down, taken back last first on the way up, with the residuals of a control network added. The
/// sum is made when a skip is taken, so that only one is alive at a time.
/// </summary>
internal sealed class SkipStack(IReadOnlyList<Tensor> skips, ISkipResiduals? residuals)
{
    private int _left = skips.Count;

    /// <summary>Height and width of the next skip, in latent pixels.</summary>
    public (int Height, int Width) SizeOfNext => (skips[_left - 1].Shape[1], skips[_left - 1].Shape[2]);

    /// <summary>Takes the next skip; it is the taker's to free.</summary>
    public Tensor Pop()
    {
        _left--;
        Tensor skip = skips[_left];
        if (residuals is null)
        {
            return skip;
        }

        Tensor sum = Ops.Add(skip, residuals.Skips[_left]);
        skip.Dispose();
        return sum;
    }
}
