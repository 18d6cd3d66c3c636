using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using ControlNet.Native.Imaging;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native;

/// <summary>
/// A request worked out against a model: every default filled in, everything that can be refused refused. Made before
/// anything is computed.
/// </summary>
internal sealed class GenerationPlan
{
    private GenerationPlan(
        ImageRequest request, int width, int height, Sampler sampler, PromptPlan prompts, INoiseSource noise,
        int stepsTaken, RepaintMask? mask)
    {
        Request = request;
        Width = width;
        Height = height;
        Sampler = sampler;
        Prompts = prompts;
        Noise = noise;
        FirstCall = (sampler.Steps - stepsTaken) * sampler.CallsPerStep;
        Mask = mask;
        Controls =
        [
            .. request.Controls.Where(control =>
                Enumerable.Range(FirstCall, CallsTaken).Any(call => IsActive(control, call))),
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

    /// <summary>The prompts, and which of them is read when.</summary>
    public PromptPlan Prompts { get; }

    /// <summary>Where this generation's noise comes from.</summary>
    public INoiseSource Noise { get; }

    /// <summary>The call of the sampler that is the first: above 0 where the request starts from a picture.</summary>
    public int FirstCall { get; }

    /// <summary>Calls of the sampler that are made.</summary>
    public int CallsTaken => Sampler.CallCount - FirstCall;

    /// <summary>What to repaint, at the size of the result; null for everything.</summary>
    public RepaintMask? Mask { get; }

    /// <summary>Whether the UNet reads mask and masked picture itself, as that of an inpainting model does.</summary>
    public bool ReadsMask { get; private init; }

    /// <summary>Whether inpainting starts from noise alone; image-to-image never does.</summary>
    public bool StartsFromNoise => Mask is not null && Request.EffectiveStrength >= 1;

    /// <summary>Whether the unconditional half is computed.</summary>
    public bool HasGuidance => Prompts.HasNegative;

    /// <summary>The controls that act in some call of the sampler, in the order of the request.</summary>
    public IReadOnlyList<ControlInput> Controls { get; }

    /// <summary>Whether a control acts in a call; its window is one of the calls that are made.</summary>
    public bool IsActive(ControlInput control, int call) => control.ActsAt(call - FirstCall, CallsTaken);

    /// <summary>Works a request out.</summary>
    /// <param name="request">The request.</param>
    /// <param name="model">The model.</param>
    /// <param name="unet">What its UNet is built from.</param>
    /// <param name="vae">What its autoencoder is built from.</param>
    /// <param name="text">What its text encoder is built from.</param>
    /// <param name="stepsTaken">Steps to take, for a second pass; null as the request says.</param>
    /// <exception cref="RequestException">It does not fit the model, or a value is out of its range.</exception>
    public static GenerationPlan Make(
        ImageRequest request, StableDiffusion model, UnetConfig unet, VaeConfig vae, ClipTextConfig text,
        int? stepsTaken = null)
    {
        request.Validate();
        (int width, int height) = SizeOf(request, model.NativeSize);
        RepaintMask? mask = ImageChecks.MaskOf(request, width, height);
        bool readsMask = ImageChecks.ReadsMask(request, model.Name, unet, vae);

        CheckClipSkip(request, text);

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

        Sampler sampler = SamplerOf(request, model.Scheduler);
        int taken = stepsTaken ?? request.StepsTakenOf(sampler.Steps);
        PromptPlan prompts = PromptPlan.Make(request, model.Tokenizer, model.Inversions, text.HiddenSize, taken);
        return new GenerationPlan(request, width, height, sampler, prompts, NoiseOf(request), taken, mask)
        {
            ReadsMask = readsMask,
        };
    }

    /// <summary>Refuses to leave out more layers than there are.</summary>
    /// <exception cref="RequestException">The text encoder has fewer.</exception>
    internal static void CheckClipSkip(ImageRequest request, ClipTextConfig text)
    {
        int clipSkip = Math.Max(request.ClipSkip, request.NegativeClipSkip ?? 1);
        if (clipSkip > text.Layers)
        {
            throw new RequestException(
                $"ClipSkip is {clipSkip}, but the text encoder has {text.Layers} layers; take a smaller one");
        }
    }

    private static (int Width, int Height) SizeOf(ImageRequest request, int nativeSize)
    {
        const int step = ImageRequest.PixelsPerLatent;
        (int Width, int Height)? hint = request.InitialImage is { } image ? (image.Width, image.Height)
            : request.Controls.Count > 0 ? (request.Controls[0].Image.Width, request.Controls[0].Image.Height)
            : null;
        string what = request.InitialImage is null ? "control" : "initial";
        int Resolve(string name, int? asked, int? ofHint)
        {
            int size = asked ?? (ofHint is { } pixels ? pixels / step * step : nativeSize);
            return size is >= step and <= ImageRequest.MaxSize
                ? size
                : throw new RequestException(
                    $"the {what} image is {hint?.Width} x {hint?.Height} pixels, which gives no usable {name}; " +
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

        if (net.InChannels != unet.OutChannels)
        {
            throw new RequestException(
                $"the ControlNet {control.Net.Name} reads latents of {net.InChannels} channels, those of " +
                $"{model.Name} have {unet.OutChannels}; take one made for the ordinary model of this base");
        }

        if (net.CrossAttentionDim != unet.CrossAttentionDim || !Equal(net.BlockOutChannels, unet.BlockOutChannels))
        {
            throw new RequestException(
                $"the ControlNet {control.Net.Name} is made for another base model: its text states are " +
                $"{net.CrossAttentionDim} wide and its blocks {Show(net.BlockOutChannels)}, those of " +
                $"{model.Name} are {unet.CrossAttentionDim} and {Show(unet.BlockOutChannels)}; " +
                "take the ControlNet made for this base");
        }
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

            return Sampler.Create(request.WithLists(config), CustomSteps.CountOf(config) ?? request.StepCount);
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
