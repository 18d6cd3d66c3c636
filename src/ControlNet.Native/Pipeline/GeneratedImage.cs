using System;
using ControlNet.Native.Imaging;

namespace ControlNet.Native;

/// <summary>A finished image with what it takes to make it again.</summary>
/// <param name="Image">The picture.</param>
/// <param name="Decoded">
/// The same before rounding to 8 bits, <c>[Height, Width, 3]</c>, about [-1, 1], not clamped.
/// </param>
/// <param name="Parameters">The request in the words of the A1111 web UI, as written into PNG files.</param>
/// <param name="Latents">
/// The final latents before the decoder, <c>[1, 4, Height / 8, Width / 8]</c> in PyTorch's order.
/// </param>
/// <param name="Elapsed">Time from the request to the picture, loading not included.</param>
public sealed record GeneratedImage(
    RgbImage Image, ReadOnlyMemory<float> Decoded, string Parameters, ReadOnlyMemory<float> Latents, TimeSpan Elapsed)
{
    /// <summary>Name of the PNG text entry that holds <see cref="Parameters"/>.</summary>
    public const string ParametersKey = "parameters";
}
