using System;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;
using ControlNet.Native.Unet;

namespace ControlNet.Native;

/// <content>From noise or a picture to latents, and from decoded values to the picture.</content>
public sealed partial class StableDiffusion
{
    /// <summary>One denoising process.</summary>
    /// <param name="plan">The request.</param>
    /// <param name="progress">Told after every call of the UNet.</param>
    /// <param name="clean">Latents to start from; null starts from what the request says.</param>
    /// <returns>The final latents, <c>[1, H / 8, W / 8, C]</c>; they belong to the caller's scope.</returns>
    private Tensor Denoise(
        GenerationPlan plan, IProgress<GenerationProgress>? progress, Tensor? clean)
    {
        using TensorScope scope = TensorScope.Enter();
        LatentNoise noise = new(Device, plan.Noise, LatentShape(plan));
        DenoisingStart start = DenoisingStart.Make(plan, noise, _vae, Device, clean);
        using PromptContexts texts = new(plan, Encoder.Encode(plan.Prompts));
        using DenoisingLoop loop = new(_unet, Device, plan, texts, start, noise, Paint);
        return scope.Keep(loop.Run(progress));
    }

    /// <summary>The decoder's values for latents as the UNet scales them, <c>[H, W, 3]</c>, about [-1, 1].</summary>
    private float[] Decode(Tensor latents)
    {
        using TensorScope scope = TensorScope.Enter();
        return _vae.Decode(Ops.Scale(latents, (float)(1 / _vae.Config.ScalingFactor))).ToArray();
    }

    /// <summary>The picture, with what the mask keeps put back where that is asked for.</summary>
    private static RgbImage Finished(GenerationPlan plan, float[] decoded)
    {
        RgbImage image = RgbImage.FromFloats(decoded, plan.Width, plan.Height, PixelRange.MinusOneToOne);
        return plan.Request.KeepUnmasked
            ? plan.Mask!.Join(image, plan.Request.InitialImage!.Resize(plan.Width, plan.Height))
            : image;
    }

    private Shape LatentShape(GenerationPlan plan) => new(
        1, plan.Height / _vae.Config.Downscale, plan.Width / _vae.Config.Downscale, _vae.Config.LatentChannels);
}
