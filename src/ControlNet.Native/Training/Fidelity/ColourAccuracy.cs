using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Training;

/// <summary>A part of a picture and the colour it should have.</summary>
/// <param name="Pixels">The part.</param>
/// <param name="Expected">One of the palette it is judged with.</param>
public sealed record ColourRegion(PixelMask Pixels, NamedColour Expected);

/// <summary>
/// Whether a picture has the colours asked for. A pixel has the colour of the palette that is nearest to it by
/// Euclidean distance of the bytes; of two equally near ones the first.
/// </summary>
public static class ColourAccuracy
{
    /// <summary>The colour of the palette nearest to a pixel.</summary>
    /// <exception cref="ArgumentException">The palette is empty.</exception>
    public static NamedColour Nearest(IReadOnlyList<NamedColour> palette, byte red, byte green, byte blue)
    {
        ArgumentNullException.ThrowIfNull(palette);
        return palette.Count > 0
            ? palette.MinBy(colour => colour.SquaredDistance(red, green, blue))
            : throw new ArgumentException("ColourAccuracy: the palette is empty; give at least one colour",
                nameof(palette));
    }

    /// <summary>
    /// Share of a region's pixels that have its colour, 0 to 1; 1 for a region without pixels.
    /// </summary>
    /// <exception cref="ShapeException">The region is of a picture of another size.</exception>
    public static double OfPixels(RgbImage image, ColourRegion region, IReadOnlyList<NamedColour> palette)
    {
        ArgumentNullException.ThrowIfNull(region);
        CheckSize(image, region.Pixels);
        return region.Pixels.Count == 0
            ? 1
            : (double)Pixels(image, region.Pixels)
                .Count(p => Nearest(palette, p.Red, p.Green, p.Blue) == region.Expected) / region.Pixels.Count;
    }

    /// <summary>
    /// Share of the regions whose colour is right, 0 to 1: the one that most of the region's pixels have. Regions
    /// without pixels do not count; 1 when none has any.
    /// </summary>
    /// <exception cref="ShapeException">A region is of a picture of another size.</exception>
    public static double OfRegions(
        RgbImage image, IReadOnlyList<ColourRegion> regions, IReadOnlyList<NamedColour> palette)
    {
        ArgumentNullException.ThrowIfNull(regions);
        ColourRegion[] seen = [.. regions.Where(region => region.Pixels.Count > 0)];
        return seen.Length == 0
            ? 1
            : (double)seen.Count(region => Commonest(image, region.Pixels, palette) == region.Expected) / seen.Length;
    }

    /// <summary>Share of the picture's pixels that have each colour of the palette, in its order; sums to 1.</summary>
    public static IReadOnlyList<double> Shares(RgbImage image, IReadOnlyList<NamedColour> palette)
    {
        ArgumentNullException.ThrowIfNull(image);
        PixelMask all = new(image.Width, image.Height, (_, _) => true);
        Dictionary<NamedColour, int> counts = Count(image, all, palette);
        return [.. palette.Select(colour => (double)counts.GetValueOrDefault(colour) / all.Count)];
    }

    private static NamedColour Commonest(RgbImage image, PixelMask mask, IReadOnlyList<NamedColour> palette)
    {
        CheckSize(image, mask);
        Dictionary<NamedColour, int> counts = Count(image, mask, palette);
        return palette.MaxBy(colour => counts.GetValueOrDefault(colour));
    }

    private static Dictionary<NamedColour, int> Count(
        RgbImage image, PixelMask mask, IReadOnlyList<NamedColour> palette)
    {
        Dictionary<NamedColour, int> counts = [];
        foreach ((byte red, byte green, byte blue) in Pixels(image, mask))
        {
            NamedColour colour = Nearest(palette, red, green, blue);
            counts[colour] = counts.GetValueOrDefault(colour) + 1;
        }

        return counts;
    }

    private static IEnumerable<(byte Red, byte Green, byte Blue)> Pixels(RgbImage image, PixelMask mask)
    {
        for (int i = 0; i < image.Width * image.Height; i++)
        {
            if (mask[i % image.Width, i / image.Width])
            {
                yield return (image.Pixels[3 * i], image.Pixels[3 * i + 1], image.Pixels[3 * i + 2]);
            }
        }
    }

    private static void CheckSize(RgbImage image, PixelMask mask)
    {
        ArgumentNullException.ThrowIfNull(image);
        if ((mask.Width, mask.Height) != (image.Width, image.Height))
        {
            throw new ShapeException(
                $"ColourAccuracy: a region of {mask.Width} x {mask.Height} pixels for a picture of " +
                $"{image.Width} x {image.Height}; make both for one size");
        }
    }
}
