using System;
using ControlNet.Native.Imaging;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;
using ControlNet.Native.Vae;

namespace ControlNet.Native;

/// <summary>
/// What denoising starts from, and what a mask does to it on the way. Draws noise in the order of diffusers' pipelines
/// (v0.31): encoder, latents, encoder of the masked picture. Its tensors belong to the scope it is made in.
/// </summary>
internal sealed class DenoisingStart
{
    private readonly Sampler _sampler;
    private Tensor? _clean, _noise, _repainted, _kept, _shown;

    private DenoisingStart(Sampler sampler, Tensor sample) => (_sampler, Sample) = (sampler, sample);

    /// <summary>The sample of the first call, <c>[1, H / 8, W / 8, C]</c>.</summary>
    public Tensor Sample { get; }

    /// <summary>Works it out.</summary>
    /// <param name="plan">The request.</param>
    /// <param name="noise">Its noise.</param>
    /// <param name="vae">What encodes the pictures of the request.</param>
    /// <param name="device">Where.</param>
    /// <param name="clean">Latents to start from instead of the picture of the request; null for none.</param>
    public static DenoisingStart Make(
        GenerationPlan plan, LatentNoise noise, Autoencoder vae, Device device, Tensor? clean = null)
    {
        ImageRequest request = plan.Request;
        bool fromNoise = clean is null && (request.InitialImage is null || plan.StartsFromNoise);
        bool blends = plan.Mask is not null && !plan.ReadsMask;
        if (clean is null && request.InitialImage is { } image && (blends || !fromNoise))
        {
            clean = Encode(vae, device, image, plan, noise.Draw());
        }

        Tensor unit = request.InitialLatents is { } given ? noise.FromTorchOrder(given.Span) : noise.Draw();
        Tensor sample = fromNoise
            ? Ops.Scale(unit, (float)plan.Sampler.InitialNoiseScale)
            : plan.Sampler.AddNoise(clean!, unit, plan.FirstCall);
        DenoisingStart start = new(plan.Sampler, sample);
        if (blends)
        {
            // The reference encodes the masked picture here as well, for nothing but the draw.
            noise.Skip();
            start.Blend(plan, device, clean!, unit, noise.Shape);
        }
        else if (plan.Mask is { } mask)
        {
            start._shown = Shown(plan, vae, device, mask, noise);
        }

        return start;
    }

    /// <summary>What the UNet sees: an inpainting model the mask and the masked picture beside the latents.</summary>
    /// <param name="input">The sample as the sampler scales it.</param>
    public Tensor Input(Tensor input) => _shown is null ? input : Ops.Concat(-1, input, _shown);

    /// <summary>Puts back what the mask keeps, at the noise level the sample now has.</summary>
    /// <param name="sample">The sample after a call.</param>
    /// <param name="call">The call.</param>
    public Tensor Restore(Tensor sample, int call)
    {
        if (_kept is null)
        {
            return sample;
        }

        using TensorScope scope = TensorScope.Enter();
        bool last = call + 1 == _sampler.CallCount;
        Tensor original = last ? _clean! : _sampler.AddNoise(_clean!, _noise!, call + 1);
        return scope.Keep(Ops.Add(Ops.Multiply(original, _kept), Ops.Multiply(sample, _repainted!)));
    }

    private void Blend(GenerationPlan plan, Device device, Tensor clean, Tensor noise, Shape shape)
    {
        float[] mask = plan.Mask!.Latents(ImageRequest.PixelsPerLatent, shape[3]);
        (_clean, _noise) = (clean, noise);
        _repainted = Tensor.From(device, shape, mask);
        _kept = Tensor.From(device, shape, Array.ConvertAll(mask, value => 1 - value));
    }

    /// <summary>Mask and latents of the masked picture, <c>[1, H / 8, W / 8, 1 + C]</c>.</summary>
    private static Tensor Shown(
        GenerationPlan plan, Autoencoder vae, Device device, RepaintMask mask, LatentNoise noise)
    {
        using TensorScope scope = TensorScope.Enter();
        float[] pixels = Pixels(plan.Request.InitialImage!, plan);
        mask.Fill(pixels, 0); // the middle of [-1, 1]
        Tensor masked = Encode(vae, device, pixels, plan, noise.Draw());
        Shape one = new(1, noise.Shape[1], noise.Shape[2], 1);
        Tensor marks = Tensor.From(device, one, mask.Latents(ImageRequest.PixelsPerLatent, channels: 1));
        return scope.Keep(Ops.Concat(-1, marks, masked));
    }

    private static float[] Pixels(RgbImage image, GenerationPlan plan) =>
        image.Resize(plan.Width, plan.Height).ToFloats(PixelRange.MinusOneToOne);

    /// <summary>A sample of the latents of a picture, as the UNet scales them.</summary>
    /// <param name="vae">What encodes.</param>
    /// <param name="device">Where.</param>
    /// <param name="image">The picture; stretched to the size of the plan.</param>
    /// <param name="plan">The size.</param>
    /// <param name="noise">The noise of the sample.</param>
    public static Tensor Encode(
        Autoencoder vae, Device device, RgbImage image, GenerationPlan plan, Tensor noise) =>
        Encode(vae, device, Pixels(image, plan), plan, noise);

    /// <summary>The same of <c>[Height, Width, 3]</c> in [-1, 1].</summary>
    private static Tensor Encode(Autoencoder vae, Device device, float[] pixels, GenerationPlan plan, Tensor noise)
    {
        using TensorScope scope = TensorScope.Enter();
        Shape shape = new(1, plan.Height, plan.Width, 3);
        VaePosterior posterior = vae.Encode(Tensor.From(device, shape, pixels));
        return scope.Keep(Ops.Scale(posterior.Sample(noise), (float)vae.Config.ScalingFactor));
    }
}
