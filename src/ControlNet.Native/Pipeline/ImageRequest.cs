using System;
using System.Collections.Generic;
using ControlNet.Native.Sampling;

namespace ControlNet.Native;

/// <summary>
/// What to generate. A plain value: make one with an object initialiser, vary it with <c>with</c>, use it with any
/// model. It is checked before anything is computed.
/// </summary>
public sealed partial record ImageRequest
{
    /// <summary>Pixels a latent stands for along each axis.</summary>
    internal const int PixelsPerLatent = 8;

    /// <summary>Largest width and height, in pixels.</summary>
    public const int MaxSize = 4096;

    /// <summary>Largest number of text encoder layers a request may leave out, plus one.</summary>
    public const int MaxClipSkip = 12;

    /// <summary>
    /// What to show, in the syntax of <see cref="PromptSyntax"/>. More than 75 tokens are read in chunks of 75, each
    /// encoded by itself, and other prompts are filled up with empty chunks. Empty leaves it to the model, or to
    /// <see cref="Controls"/>.
    /// </summary>
    public required string Prompt { get; init; }

    /// <summary>What to steer away from; empty is the unconditional prompt.</summary>
    public string NegativePrompt { get; init; } = string.Empty;

    /// <summary>Cuts prompts after 75 tokens, as diffusers does, instead of reading them in chunks.</summary>
    public bool TruncatePrompt { get; init; }

    /// <summary>
    /// Width in pixels, a multiple of 8 from 8 to <see cref="MaxSize"/>. Null takes that of <see cref="InitialImage"/>
    /// or else of the first control image, rounded down to a multiple of 8, or without one the size the model was
    /// trained at (512 for SD 1.x).
    /// </summary>
    public int? Width { get; init; }

    /// <summary>Height in pixels; as <see cref="Width"/>.</summary>
    public int? Height { get; init; }

    /// <summary>
    /// Denoising steps, 1 to 1000; where <see cref="Timesteps"/> or <see cref="Sigmas"/> are given, theirs count.
    /// </summary>
    public int Steps { get; init; } = 20;

    /// <summary>
    /// How strongly the prompt is followed, w in <c>uncond + w (cond - uncond)</c>, 0 to 100; at 1 or less the
    /// unconditional half is not computed. Source: Ho and Salimans, 2022, arXiv:2207.12598.
    /// </summary>
    public float GuidanceScale { get; init; } = 7.5f;

    /// <summary>The sampler; null is that of the model's scheduler configuration (PNDM where it has none).</summary>
    public SamplerKind? Sampler { get; init; }

    /// <summary>How noise levels are spaced; null is what the model's own configuration says.</summary>
    public SigmaSchedule? SigmaSchedule { get; init; }

    /// <summary>
    /// The whole scheduler configuration, for those who want to set more of it; it replaces that of the model, and
    /// <see cref="Sampler"/>, <see cref="SigmaSchedule"/> and <see cref="Eta"/> are then left at null and 0.
    /// </summary>
    public SchedulerConfig? Scheduler { get; init; }

    /// <summary>Noise DDIM adds back at each step, 0 (none) to 1 (as much as DDPM). Other samplers ignore it.</summary>
    public float Eta { get; init; }

    /// <summary>
    /// Layers of the text encoder left out at its end, counted as the A1111 web UI does: 1 uses all, 2 skips the last.
    /// </summary>
    public int ClipSkip { get; init; } = 1;

    /// <summary>
    /// The same for the negative prompt. Null takes <see cref="ClipSkip"/>, as A1111 does; diffusers never skips there,
    /// so 1 gives its images.
    /// </summary>
    public int? NegativeClipSkip { get; init; }

    /// <summary>Seed of the noise. Equal requests give equal images.</summary>
    public long Seed { get; init; }

    /// <summary>Which of PyTorch's generators the noise imitates.</summary>
    public NoiseGenerator NoiseGenerator { get; init; } = NoiseGenerator.TorchCpu;

    /// <summary>
    /// Where noise comes from instead of <see cref="Seed"/> and <see cref="NoiseGenerator"/>: asked first for the
    /// initial latents, unless those are given, then once for each step that draws noise, always in PyTorch's order.
    /// <see cref="InitialImage"/> tells what else it is asked for.
    /// </summary>
    public INoiseSource? NoiseSource { get; init; }

    /// <summary>
    /// Control images and their nets, any number; what they say is added up. Empty generates from text alone.
    /// </summary>
    public IReadOnlyList<ControlInput> Controls { get; init; } = [];

    /// <summary>
    /// Unit normal latents to start from instead of drawing them, <c>[1, 4, Height / 8, Width / 8]</c> in PyTorch's
    /// order, before the sampler scales them; finite numbers. With <see cref="InitialImage"/> they are the noise
    /// that is added to it. Null draws them from <see cref="Seed"/>.
    /// </summary>
    public ReadOnlyMemory<float>? InitialLatents { get; init; }

    /// <summary>Checks every property that can be checked without a model.</summary>
    /// <exception cref="RequestException">One is out of its range.</exception>
    public void Validate()
    {
        ValidatePrompts();
        ArgumentNullException.ThrowIfNull(Controls);
        CheckSize(nameof(Width), Width);
        CheckSize(nameof(Height), Height);
        CheckRange(nameof(Steps), Steps, 1, 1000);
        CheckRange(nameof(GuidanceScale), GuidanceScale, 0, 100);
        CheckRange(nameof(Eta), Eta, 0, 1);
        ValidateSampling();
        CheckRange(nameof(ClipSkip), ClipSkip, 1, MaxClipSkip);
        CheckRange(nameof(NegativeClipSkip), NegativeClipSkip ?? ClipSkip, 1, MaxClipSkip);
        if (Scheduler is not null && (Sampler is not null || SigmaSchedule is not null || Eta != 0))
        {
            throw new RequestException("Scheduler replaces Sampler, SigmaSchedule and Eta; give one or the other");
        }

        CheckNumbers(nameof(InitialLatents), InitialLatents);
        ValidateImage();
        ValidateHires();
        for (int i = 0; i < Controls.Count; i++)
        {
            ArgumentNullException.ThrowIfNull(Controls[i]);
            Controls[i].Validate(FormattableString.Invariant($"{nameof(Controls)}[{i}]"));
        }
    }

    internal static void CheckSize(string name, int? size)
    {
        if (size is not { } pixels)
        {
            return;
        }

        CheckRange(name, pixels, PixelsPerLatent, MaxSize);
        if (pixels % PixelsPerLatent != 0)
        {
            int below = pixels - (pixels % PixelsPerLatent);
            throw new RequestException(
                $"{name} is {pixels}, but must be a multiple of {PixelsPerLatent}; " +
                $"take {below} or {below + PixelsPerLatent}");
        }
    }

    private static void CheckNumbers(string name, ReadOnlyMemory<float>? values)
    {
        ReadOnlySpan<float> span = values is { } given ? given.Span : default;
        for (int i = 0; i < span.Length; i++)
        {
            if (!float.IsFinite(span[i]))
            {
                throw new RequestException(FormattableString.Invariant(
                    $"{name}[{i}] is {span[i]}, but must be a finite number; give unit normal noise"));
            }
        }
    }

    internal static void CheckRange(string name, double value, double low, double high)
    {
        // The comparison is written so that NaN fails it.
        if (!(value >= low && value <= high))
        {
            throw new RequestException(
                FormattableString.Invariant($"{name} is {value}, but must be from {low} to {high}"));
        }
    }
}
