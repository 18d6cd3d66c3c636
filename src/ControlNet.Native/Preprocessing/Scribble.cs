using System;
using ControlNet.Native.Imaging;

namespace ControlNet.Native.Preprocessing;

/// <summary>
/// A drawing in dark ink on light paper as white lines on black, which nets for scribbles expect. Source: the
/// scribble application of lllyasviel/ControlNet.
/// </summary>
public static class Scribble
{
    /// <summary>White where <c>min(R, G, B)</c> is below the level, else black.</summary>
    /// <param name="drawing">Of any size.</param>
    /// <param name="level">1 to 255.</param>
    /// <exception cref="PreprocessingException">The level is out of its range.</exception>
    public static RgbImage Apply(RgbImage drawing, int level = 127)
    {
        ArgumentNullException.ThrowIfNull(drawing);
        OptionRange.Check($"{nameof(Scribble)}.level", level, 1, 255);
        return Threshold.Split(drawing, level - 1, above: 0, otherwise: byte.MaxValue);
    }
}
