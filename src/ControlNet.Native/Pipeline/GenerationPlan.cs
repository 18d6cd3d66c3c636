using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;
using ControlNet.Native.Text;
using ControlNet.Native.Weights;

namespace ControlNet.Native;

/// <summary>
/// A request worked out against a model: every default filled in, everything that can be refused refused. Made before
/// anything is computed.
/// </summary>
internal sealed class GenerationPlan
{
    private GenerationPlan(
        ImageRequest request, int width, int height, Sampler sampler, int[] prompt, int[]? negativePrompt,
        INoiseSource noise)
    {
        Request = request;
        Width = width;
        Height = height;
        Sampler = sampler;
        Prompt = prompt;
        NegativePrompt = negativePrompt;
        Noise = noise;
        int calls = sampler.CallCount;
        Controls =
        [
            .. request.Controls.Where(control => Enumerable.Range(0, calls).Any(call => control.ActsAt(call, calls))),
        ];
    }

    /// <summary>The request as it was given.</summary>
    public ImageRequest Request { get; }

    /// <summary>Width in pixels.</summary>
    public int Width { get; }

    /// <summary>Height in pixels.</summary>
    public int Height { get; }

    /// <summary>The sampler, its timesteps worked out.</summary>
    public Sampler Sampler { get; }

    /// <summary>Token ids of the prompt, 77 with begin, end and padding.</summary>
    public int[] Prompt { get; }

    /// <summary>Token ids of the negative prompt; null without guidance, when that half is not computed.</summary>
    public int[]? NegativePrompt { get; }

    /// <summary>Where this generation's noise comes from.</summary>
    public INoiseSource Noise { get; }

    /// <summary>Whether the unconditional half is computed.</summary>
    public bool HasGuidance => NegativePrompt is not null;

    /// <summary>The controls that act in some call of the sampler, in the order of the request.</summary>
    public IReadOnlyList<ControlInput> Controls { get; }

    /// <summary>Works a request out.</summary>
    /// <exception cref="RequestException">It does not fit the model, or a value is out of its range.</exception>
    public static GenerationPlan Make(
        ImageRequest request, StableDiffusion model, UnetConfig unet, VaeConfig vae, ClipTextConfig text)
    {
        request.Validate();
        (int width, int height) = SizeOf(request, model.NativeSize);
        if (unet.InChannels != vae.LatentChannels)
        {
            throw new RequestException(
                $"the UNet of {model.Name} takes {unet.InChannels} channels, latents have {vae.LatentChannels}: " +
                "it is an inpainting model, which needs an image and a mask; an ordinary model generates from text");
        }

        int clipSkip = Math.Max(request.ClipSkip, request.NegativeClipSkip ?? 1);
        if (clipSkip > text.Layers)
        {
            throw new RequestException(
                $"ClipSkip is {clipSkip}, but the text encoder has {text.Layers} layers; take a smaller one");
        }

        foreach (ControlInput control in request.Controls)
        {
            CheckControl(control, model, unet);
        }

        int latentCount = vae.LatentChannels * (width / vae.Downscale) * (height / vae.Downscale);
        if (request.InitialLatents is { } latents && latents.Length != latentCount)
        {
            throw new RequestException(
                $"InitialLatents has {latents.Length} values, but {width} x {height} pixels need {latentCount}: " +
                $"[1, {vae.LatentChannels}, {height / vae.Downscale}, {width / vae.Downscale}]");
        }

        bool truncate = request.TruncatePrompt;
        int[] prompt = Tokenize(model.Tokenizer, nameof(request.Prompt), request.Prompt, truncate);
        int[]? negative = request.GuidanceScale > 1
            ? Tokenize(model.Tokenizer, nameof(request.NegativePrompt), request.NegativePrompt, truncate)
            : null;
        return new GenerationPlan(
            request, width, height, SamplerOf(request, model.Scheduler), prompt, negative, NoiseOf(request));
    }

    private static (int Width, int Height) SizeOf(ImageRequest request, int nativeSize)
    {
        const int step = ImageRequest.PixelsPerLatent;
        ControlHint? hint = request.Controls.Count > 0 ? request.Controls[0].Image : null;
        int Resolve(string name, int? asked, int? ofHint)
        {
            int size = asked ?? (ofHint is { } pixels ? pixels / step * step : nativeSize);
            return size is >= step and <= ImageRequest.MaxSize
                ? size
                : throw new RequestException(
                    $"the control image is {hint?.Width} x {hint?.Height} pixels, which gives no usable {name}; " +
                    $"set {name} to a multiple of {step}");
        }

        return (
            Resolve(nameof(request.Width), request.Width, hint?.Width),
            Resolve(nameof(request.Height), request.Height, hint?.Height));
    }

    private static void CheckControl(ControlInput control, StableDiffusion model, UnetConfig unet)
    {
        if (!ReferenceEquals(control.Net.Device, model.Device))
        {
            throw new RequestException(
                $"the ControlNet {control.Net.Name} was loaded on another device ({control.Net.Device.Name}) than " +
                $"{model.Name} ({model.Device.Name}); load both with one Device");
        }

        if (control.Net.Activations != model.Activations)
        {
            throw new RequestException(
                $"the ControlNet {control.Net.Name} computes with {control.Net.Activations.Name()} activations, " +
                $"{model.Name} with {model.Activations.Name()}; load both with the same");
        }

        UnetConfig net = control.Net.Config.Encoder;
        control.CheckNet();

        if (net.CrossAttentionDim != unet.CrossAttentionDim || !Equal(net.BlockOutChannels, unet.BlockOutChannels))
        {
            throw new RequestException(
                $"the ControlNet {control.Net.Name} is made for another base model: its text states are " +
                $"{net.CrossAttentionDim} wide and its blocks {Show(net.BlockOutChannels)}, those of " +
                $"{model.Name} are {unet.CrossAttentionDim} and {Show(unet.BlockOutChannels)}; " +
                "take the ControlNet made for this base");
        }
    }

    private static int[] Tokenize(ClipTokenizer tokenizer, string name, string text, bool truncate)
    {
        int[] ids = tokenizer.EncodePrompt(text, out int dropped);
        int room = tokenizer.MaxLength - 2;
        return dropped == 0 || truncate
            ? ids
            : throw new RequestException(
                $"{name} has {room + dropped} tokens, but the text encoder reads {room}; shorten it, or set " +
                $"TruncatePrompt (--truncate-prompt) to leave out the last {dropped}");
    }

    private static Sampler SamplerOf(ImageRequest request, SchedulerConfig own)
    {
        SchedulerConfig config = request.Scheduler ?? own;
        CheckName(nameof(request.Sampler), request.Sampler ?? config.Kind);
        CheckName(nameof(request.SigmaSchedule), request.SigmaSchedule ?? config.SigmaSchedule);
        try
        {
            if (request.Sampler is not null || request.SigmaSchedule is not null)
            {
                config = config.With(request.Sampler ?? config.Kind, request.SigmaSchedule);
            }

            if (request.Eta > 0)
            {
                config = config with { Eta = request.Eta };
            }

            return Sampler.Create(config, request.Steps);
        }
        catch (SamplingException e)
        {
            throw new RequestException(e.Message, e);
        }
    }

    private static INoiseSource NoiseOf(ImageRequest request) => request.NoiseSource ?? request.NoiseGenerator switch
    {
        NoiseGenerator.TorchCpu => new TorchCpuNoise(unchecked((ulong)request.Seed)),
        NoiseGenerator.TorchCuda => new PhiloxCudaNoise(unchecked((ulong)request.Seed)),
        _ => throw NoName(nameof(request.NoiseGenerator), (int)request.NoiseGenerator),
    };

    private static void CheckName<TEnum>(string name, TEnum value)
        where TEnum : struct, Enum
    {
        if (!Enum.IsDefined(value))
        {
            throw NoName(name, Convert.ToInt32(value, CultureInfo.InvariantCulture));
        }
    }

    private static RequestException NoName(string name, int value) =>
        new(FormattableString.Invariant($"{name} {value} is not one of its values"));

    private static bool Equal(IReadOnlyList<int> a, IReadOnlyList<int> b)
    {
        bool equal = a.Count == b.Count;
        for (int i = 0; equal && i < a.Count; i++)
        {
            equal = a[i] == b[i];
        }

        return equal;
    }

    private static string Show(IReadOnlyList<int> widths) =>
        string.Join('-', widths.Select(width => width.ToString(CultureInfo.InvariantCulture)));
}
