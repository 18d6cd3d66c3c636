using System;

namespace ControlNet.Native;

/// <summary>
/// Enlarges latents on the host; there are few. Pixel centres at i + 0.5, edges repeated: PyTorch's
/// <c>interpolate(mode="bilinear")</c>.
/// </summary>
internal static class LatentResampler
{
    /// <summary>Linear interpolation along both axes.</summary>
    /// <param name="values"><c>[height, width, channels]</c></param>
    /// <param name="height">Rows.</param>
    /// <param name="width">Columns.</param>
    /// <param name="newHeight">Rows of the result.</param>
    /// <param name="newWidth">Columns of the result.</param>
    /// <returns><c>[newHeight, newWidth, channels]</c></returns>
    public static float[] Linear(ReadOnlySpan<float> values, int height, int width, int newHeight, int newWidth)
    {
        int channels = values.Length / (height * width);
        float[] result = new float[newHeight * newWidth * channels];
        for (int y = 0; y < newHeight; y++)
        {
            (int top, int bottom, float down) = Taps(y, height, newHeight);
            for (int x = 0; x < newWidth; x++)
            {
                (int left, int right, float across) = Taps(x, width, newWidth);
                for (int c = 0; c < channels; c++)
                {
                    float above = Mix(values[At(top, left, c)], values[At(top, right, c)], across);
                    float below = Mix(values[At(bottom, left, c)], values[At(bottom, right, c)], across);
                    result[(((y * newWidth) + x) * channels) + c] = Mix(above, below, down);
                }
            }
        }

        return result;

        int At(int row, int column, int channel) => (((row * width) + column) * channels) + channel;
    }

    private static float Mix(float one, float other, float share) => ((1 - share) * one) + (share * other);

    private static (int First, int Second, float Share) Taps(int at, int size, int newSize)
    {
        double centre = Math.Max(0, ((at + 0.5) * size / newSize) - 0.5);
        int first = (int)centre;
        return (first, Math.Min(first + 1, size - 1), (float)(centre - first));
    }
}
