using System;

namespace ControlNet.Native;

/// <summary>
/// A second pass at a larger size: the result of the first is enlarged and denoised again from some way up, so that a
/// picture larger than the model was trained for keeps the composition of one it was trained for. A1111's "hires. fix".
/// </summary>
public sealed record HiresPass
{
    /// <summary>Largest <see cref="Scale"/>.</summary>
    public const double MaxScale = 8;

    /// <summary>
    /// Factor of width and height, 1 to <see cref="MaxScale"/>; sizes are rounded down to a multiple of 8. Where
    /// <see cref="Width"/> or <see cref="Height"/> is set, that is taken for its axis.
    /// </summary>
    public double Scale { get; init; } = 2;

    /// <summary>Width in pixels, a multiple of 8, not less than that of the first pass; null scales that.</summary>
    public int? Width { get; init; }

    /// <summary>Height in pixels; as <see cref="Width"/>.</summary>
    public int? Height { get; init; }

    /// <summary>
    /// Steps of the second pass, of which <see cref="Strength"/> takes a part, 1 to 1000; null is those of the first.
    /// </summary>
    public int? Steps { get; init; }

    /// <summary>How much is redone, 0 to 1; as <see cref="ImageRequest.Strength"/>.</summary>
    public double Strength { get; init; } = 0.6;

    /// <summary>How the result of the first pass is enlarged.</summary>
    public HiresUpscaler Upscaler { get; init; }

    /// <summary>Steps of the second pass that are taken.</summary>
    /// <param name="first">Steps of the first pass.</param>
    internal int StepsTaken(int first) => ImageRequest.StepsOf(Steps ?? first, Strength);

    /// <summary>The size of the second pass, in pixels.</summary>
    /// <param name="width">Width of the first.</param>
    /// <param name="height">Height of the first.</param>
    /// <exception cref="RequestException">It is smaller than the first, or too large.</exception>
    internal (int Width, int Height) SizeFor(int width, int height) =>
        (SizeOf(nameof(Width), Width, width), SizeOf(nameof(Height), Height, height));

    /// <summary>Checks what can be checked without a model.</summary>
    /// <param name="steps">Steps of the first pass.</param>
    /// <exception cref="RequestException">A property is out of its range.</exception>
    internal void Validate(int steps)
    {
        const string name = nameof(ImageRequest.HiresPass);
        ImageRequest.CheckRange($"{name}.{nameof(Scale)}", Scale, 1, MaxScale);
        ImageRequest.CheckSize($"{name}.{nameof(Width)}", Width);
        ImageRequest.CheckSize($"{name}.{nameof(Height)}", Height);
        ImageRequest.CheckRange($"{name}.{nameof(Steps)}", Steps ?? steps, 1, 1000);
        ImageRequest.CheckStrength(
            $"{name}.{nameof(Strength)}", Strength, Steps is null ? nameof(Steps) : $"{name}.{nameof(Steps)}",
            Steps ?? steps);
        if (!Enum.IsDefined(Upscaler))
        {
            throw new RequestException(FormattableString.Invariant(
                $"{name}.{nameof(Upscaler)} {(int)Upscaler} is not one of its values"));
        }
    }

    private int SizeOf(string axis, int? asked, int first)
    {
        const int step = ImageRequest.PixelsPerLatent;
        int size = asked ?? (int)(first * Scale) / step * step;
        return size < first
            ? throw new RequestException(
                $"HiresPass.{axis} is {size}, but the first pass has {first} already; take as much or more")
            : size > ImageRequest.MaxSize
            ? throw new RequestException(
                $"the second pass would have a {axis} of {size} pixels, but {ImageRequest.MaxSize} are the most; " +
                $"take a smaller HiresPass.{nameof(Scale)} or set HiresPass.{axis}")
            : size;
    }
}
