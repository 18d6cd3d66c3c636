using System.Collections.Generic;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Unet;

/// <summary>What a control network adds to a UNet between its way down and its way up.</summary>
public interface ISkipResiduals
{
    /// <summary>
    /// One for each skip, in the order of the way down, of the skip's height and width, or 1 x 1 and repeated
    /// over the image. One image for each text, <c>[M, H, W, C]</c>, one for each of the latents, or one for all.
    /// </summary>
    IReadOnlyList<Tensor> Skips { get; }

    /// <summary>Added to the output of the middle block, likewise.</summary>
    Tensor Middle { get; }
}
