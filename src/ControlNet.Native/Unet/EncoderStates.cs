using System.Collections.Generic;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Unet;

/// <summary>What the way down leaves behind.</summary>
/// <param name="Skips">
/// The input convolution's image and one or more of each stage, full resolution first. Those made before the text was
/// read have one member for each of the latents, the others one for each text.
/// </param>
/// <param name="Middle">Output of the middle block, <c>[N, H, W, C]</c> at the lowest resolution.</param>
internal sealed record EncoderStates(IReadOnlyList<Tensor> Skips, Tensor Middle);
