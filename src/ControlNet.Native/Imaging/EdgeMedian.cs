using System;
using System.Collections.Generic;

namespace ControlNet.Native.Imaging;

/// <summary>
/// The colour a picture has along its edges: channel by channel the median of its first and last rows and columns, the
/// lower one of two. Source: <c>detectmap_proc</c> of the A1111 ControlNet extension.
/// </summary>
internal static class EdgeMedian
{
    /// <summary>Returns one value a channel.</summary>
    /// <param name="values"><c>[height, width, channels]</c></param>
    /// <param name="width">Pixels of a row.</param>
    /// <param name="height">Rows.</param>
    /// <param name="channels">Values of a pixel.</param>
    public static T[] Of<T>(ReadOnlySpan<T> values, int width, int height, int channels)
        where T : unmanaged
    {
        T[] median = new T[channels];
        List<T> edge = new(2 * (width + height));
        for (int c = 0; c < channels; c++)
        {
            edge.Clear();
            for (int x = 0; x < width; x++)
            {
                edge.Add(values[(x * channels) + c]);
                edge.Add(values[((((height - 1) * width) + x) * channels) + c]);
            }

            for (int y = 0; y < height; y++)
            {
                edge.Add(values[(y * width * channels) + c]);
                edge.Add(values[((((y + 1) * width) - 1) * channels) + c]);
            }

            edge.Sort();
            median[c] = edge[(edge.Count - 1) / 2];
        }

        return median;
    }
}
