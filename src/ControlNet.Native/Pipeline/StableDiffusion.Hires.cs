using System;
using System.Diagnostics;
using ControlNet.Native.Imaging;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Unet;

namespace ControlNet.Native;

/// <content>The second pass at a larger size.</content>
public sealed partial class StableDiffusion
{
    /// <summary>The second pass worked out; null without one.</summary>
    private GenerationPlan? SecondPlan(GenerationPlan first) => first.Request.HiresPass is { } pass
        ? GenerationPlan.Make(
            first.Request.SecondPass(first), this, _unet.Config, _vae.Config, _text.Config,
            pass.StepsTaken(first.Request.Steps))
        : null;

    /// <summary>The denoising process of a request, or both of them.</summary>
    /// <param name="plan">The first pass.</param>
    /// <param name="second">The second; null for none.</param>
    /// <param name="progress">Told after every call of the UNet.</param>
    /// <returns>The final latents, <c>[1, H / 8, W / 8, C]</c>; they belong to the caller's scope.</returns>
    private Tensor Denoise(
        GenerationPlan plan, GenerationPlan? second, IProgress<GenerationProgress>? progress)
    {
        if (second is null)
        {
            return Denoise(plan, progress, clean: null);
        }

        using TensorScope scope = TensorScope.Enter();
        int total = plan.CallsTaken + second.CallsTaken;
        long start = Stopwatch.GetTimestamp();
        Tensor latents = Denoise(plan, Part(0), clean: null);
        latents = latents.ReplacedBy(Enlarged(latents, second, plan.Request.HiresPass!.Upscaler));
        return scope.Keep(Denoise(second, Part(plan.CallsTaken), latents));

        PassProgress? Part(int before) => progress is null ? null : new PassProgress(progress, before, total, start);
    }

    /// <summary>Latents of the size of the second pass, scaled as the UNet sees them.</summary>
    private Tensor Enlarged(Tensor latents, GenerationPlan second, HiresUpscaler upscaler)
    {
        using TensorScope scope = TensorScope.Enter();
        Shape shape = LatentShape(second);
        return scope.Keep(upscaler switch
        {
            HiresUpscaler.LatentNearest => Ops.UpsampleNearest(latents, shape[1], shape[2]),
            HiresUpscaler.Latent => Tensor.From(Device, shape, LatentResampler.Linear(
                latents.ToArray(), latents.Shape[1], latents.Shape[2], shape[1], shape[2])),
            _ => EncodeEnlarged(latents, second, shape),
        });
    }

    private Tensor EncodeEnlarged(Tensor latents, GenerationPlan second, Shape shape)
    {
        int scale = _vae.Config.Downscale;
        RgbImage image = RgbImage.FromFloats(
            Decode(latents), latents.Shape[2] * scale, latents.Shape[1] * scale, PixelRange.MinusOneToOne);
        Tensor noise = new LatentNoise(Device, second.Noise, shape).Draw();
        return DenoisingStart.Encode(_vae, Device, image, second, noise);
    }
}
