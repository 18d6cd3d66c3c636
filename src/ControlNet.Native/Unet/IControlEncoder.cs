using System;
using System.Collections.Generic;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Unet;

/// <summary>
/// What makes one image for each skip and one for the middle out of latents and a hint: the encoder of a UNet, or
/// something smaller in its place.
/// </summary>
internal interface IControlEncoder
{
    /// <summary>Channels of each skip.</summary>
    IReadOnlyList<int> SkipChannels { get; }

    /// <summary>Checks the inputs of a forward and finds its timesteps, where the encoder looks at them.</summary>
    StepTime? Begin(Tensor latents, ReadOnlySpan<float> timesteps, TextContext context, TimeContext? times);

    /// <summary>Computes the images from inputs that were checked by <see cref="Begin"/>.</summary>
    EncoderStates Forward(Tensor latents, StepTime? time, TextContext context, Tensor? hint);
}
