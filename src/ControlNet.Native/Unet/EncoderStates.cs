using System.Collections.Generic;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Unet;

/// <summary>What the way down leaves behind.</summary>
/// <param name="Time">Time embedding after its SiLU, <c>[N, TimeEmbedDim]</c>.</param>
/// <param name="Skips">The input convolution's image and one or more of each stage, full resolution first.</param>
/// <param name="Middle">Output of the middle block, <c>[N, H, W, C]</c> at the lowest resolution.</param>
internal sealed record EncoderStates(Tensor Time, IReadOnlyList<Tensor> Skips, Tensor Middle);
