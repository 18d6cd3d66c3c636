using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;

namespace ControlNet.Native;

/// <content>Several images of one request.</content>
public sealed partial class StableDiffusion
{
    /// <summary>Most images of one call of <see cref="GenerateMany"/>.</summary>
    public const int MaxCount = 10000;

    /// <summary>
    /// Generates several images of one request, one after the other: image i has the seed
    /// <see cref="ImageRequest.Seed"/> + i, and is to the last bit what <see cref="Generate"/> makes of it. A
    /// <see cref="ImageRequest.NoiseSource"/> goes on from image to image instead.
    /// </summary>
    /// <param name="request">What to generate.</param>
    /// <param name="count">How many, 1 to <see cref="MaxCount"/>.</param>
    /// <param name="progress">Told of the evaluations of all images together.</param>
    /// <param name="cancellation">Ends the generation; images handed out before stay.</param>
    /// <returns>
    /// The images, each made when it is asked for; what is refused is refused before the first is.
    /// </returns>
    /// <remarks>
    /// They do not go through the networks together, so each takes the memory and has the bits of one alone. What could
    /// be shared, texts and hints, is less than a hundredth of the work.
    /// </remarks>
    /// <exception cref="RequestException">The request cannot be fulfilled; nothing was computed.</exception>
    public IEnumerable<GeneratedImage> GenerateMany(
        ImageRequest request, int count, IProgress<GenerationProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(request);
        ImageRequest.CheckRange(nameof(count), count, 1, MaxCount);
        if (count > 1 && request.InitialLatents is not null)
        {
            throw new RequestException(
                $"InitialLatents are those of one image, but {count} are asked for; leave them out, or ask for one");
        }

        GenerationPlan plan = GenerationPlan.Make(request, this, _unet.Config, _vae.Config, _text.Config);
        int each = plan.CallsTaken + (SecondPlan(plan)?.CallsTaken ?? 0);
        return Each();

        IEnumerable<GeneratedImage> Each()
        {
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < count; i++)
            {
                yield return Generate(
                    request with { Seed = unchecked(request.Seed + i) },
                    progress is null ? null : new PassProgress(progress, i * each, count * each, start),
                    cancellation);
            }
        }
    }
}
