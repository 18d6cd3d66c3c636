using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;

namespace ControlNet.Native;

/// <content>Pictures of latents on their way.</content>
public sealed partial class StableDiffusion
{
    private LatentColours? _colours;

    /// <summary>A picture of clean latents <c>[1, H / 8, W / 8, C]</c>; inside a generation only.</summary>
    private RgbImage Paint(Tensor clean, bool decode)
    {
        int height = clean.Shape[1], width = clean.Shape[2];
        if (!decode)
        {
            _colours ??= LatentColours.Fit(_vae, Device);
            return _colours.Paint(clean.ToArray(), width, height);
        }

        using TensorScope scope = TensorScope.Enter();
        Tensor decoded = _vae.Decode(Ops.Scale(clean, (float)(1 / _vae.Config.ScalingFactor)));
        int scale = _vae.Config.Downscale;
        return RgbImage.FromFloats(decoded.ToArray(), width * scale, height * scale, PixelRange.MinusOneToOne);
    }
}
