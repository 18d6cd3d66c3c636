using System;
using ControlNet.Native.Control;
using ControlNet.Native.Imaging;

namespace ControlNet.Native;

/// <summary>A control image and the ControlNet that reads it.</summary>
public sealed record ControlInput
{
    /// <summary>The net; it must be made for the base model it is used with.</summary>
    public required ControlNetModel Net { get; init; }

    /// <summary>
    /// The hint, an edge map, depth map, pose, … as the net was trained on. Any size: it is stretched to the size of
    /// the result. Read as RGB in [0, 1]; a net that was trained on BGR says so in its configuration and is fed BGR.
    /// </summary>
    public required RgbImage Image { get; init; }

    /// <summary>Factor of the 13 residuals, 0 to 2. At 0 the net is not computed.</summary>
    public float Scale { get; init; } = 1f;
}
