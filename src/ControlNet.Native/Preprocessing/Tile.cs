using System;
using ControlNet.Native.Imaging;

namespace ControlNet.Native.Preprocessing;

/// <summary>
/// Shrinks a picture by a rate, so that a net for tiles invents the details anew. Source: <c>tile_resample</c> of
/// sd-webui-controlnet.
/// </summary>
public static class Tile
{
    /// <summary>Largest rate.</summary>
    public const double MaxRate = 16;

    /// <summary>Shrinks a picture by the mean over the area of each new pixel.</summary>
    /// <param name="image">Of any size.</param>
    /// <param name="rate">Both edges are divided by it and cut to whole pixels, 1 or more each; from 1 to
    /// <see cref="MaxRate"/>. Below 1.1 the picture stays as it is.</param>
    /// <exception cref="PreprocessingException">The rate is out of its range.</exception>
    public static RgbImage Apply(RgbImage image, double rate = 2)
    {
        ArgumentNullException.ThrowIfNull(image);
        OptionRange.Check($"{nameof(Tile)}.rate", rate, 1, MaxRate);
        return rate < 1.1
            ? image
            : ImageResize.Apply(
                image, Math.Max(1, (int)(image.Width / rate)), Math.Max(1, (int)(image.Height / rate)),
                Interpolation.Area);
    }
}
