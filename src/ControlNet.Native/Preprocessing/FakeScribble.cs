using System;
using ControlNet.Native.Imaging;

namespace ControlNet.Native.Preprocessing;

/// <summary>
/// Soft edges as if drawn with a thick pen: their ridges, blurred and cut. Source: the fake scribble application of
/// lllyasviel/ControlNet, which takes the edges from a network (HED); <see cref="SoftEdges"/> stands in for it here.
/// </summary>
public static class FakeScribble
{
    private const int CutLevel = 4;

    private const double PenSigma = 3;

    /// <summary>White lines of some pixels' width on black.</summary>
    /// <param name="edges">Soft edges, light on dark.</param>
    /// <param name="options">How ridges are found; null for the defaults.</param>
    /// <exception cref="PreprocessingException">An option is out of its range.</exception>
    public static RgbImage Apply(RgbImage edges, EdgeThinningOptions? options = null) =>
        Thicken(EdgeThinning.Apply(edges, options));

    /// <summary>The pen alone: blurs ridges by 3 pixels; what is above 4 becomes white, the rest black.</summary>
    /// <param name="ridges">What <see cref="EdgeThinning"/> made.</param>
    public static RgbImage Thicken(RgbImage ridges)
    {
        RgbImage blurred = GaussianBlur.Apply(ridges, new GaussianBlurOptions { Sigma = PenSigma });
        return Threshold.Apply(blurred, CutLevel);
    }
}
