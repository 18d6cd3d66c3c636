using System;
using ControlNet.Native.Imaging;

namespace ControlNet.Native.Preprocessing;

/// <summary>
/// Edges in shades of grey, light on dark: the length of the gradient of the luminance. Stands in for the edge networks
/// (HED, PiDiNet) that soft edge nets were trained on; it answers to texture where those see outlines.
/// </summary>
public static class SoftEdges
{
    /// <summary>Gradient of a step of height 1: 1 + 2 + 1.</summary>
    private const float SobelStep = 4f;

    /// <summary>Gradient of a step of height 1: 3 + 10 + 3.</summary>
    private const float ScharrStep = 16f;

    /// <summary>Measures the edges of a picture.</summary>
    /// <param name="image">Of any size.</param>
    /// <param name="options">Kernel, blur and gain; null for the defaults.</param>
    /// <exception cref="PreprocessingException">An option is out of its range.</exception>
    public static RgbImage Apply(RgbImage image, SoftEdgesOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(image);
        options ??= new SoftEdgesOptions();
        options.Check();
        byte[] grey = Grey.Plane(image);
        float[] values = options.Sigma > 0
            ? GaussianBlur.Floats(grey, image.Width, image.Height, 1, options.Sigma)
            : FloatRows.Widen(grey);
        (float[] across, float[] down) = ImageGradients.Of(values, image.Width, image.Height, options.Operator);
        float scale = (float)options.Gain / (options.Operator == GradientOperator.Sobel ? SobelStep : ScharrStep);
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = scale * MathF.Sqrt((across[i] * across[i]) + (down[i] * down[i]));
        }

        FloatRows.Round(values, grey);
        return GreyPlane.ToRgb(grey, image.Width, image.Height);
    }
}
