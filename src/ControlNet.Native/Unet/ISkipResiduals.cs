using System.Collections.Generic;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Unet;

/// <summary>What a control network adds to a UNet between its way down and its way up.</summary>
public interface ISkipResiduals
{
    /// <summary>
    /// One for each skip, in the order of the way down: <c>[N, H, W, C]</c> like the skip, or with extents of 1 that
    /// are
    /// repeated.
    /// </summary>
    IReadOnlyList<Tensor> Skips { get; }

    /// <summary>Added to the output of the middle block, likewise.</summary>
    Tensor Middle { get; }
}
