using System;
using ControlNet.Native.Cases;

namespace ControlNet.Native.Tests.Support;

/// <summary>
/// Group norm straight from equations 1 to 4 of arXiv:1803.08494, in double, with no thought for speed.
/// </summary>
internal static partial class ReferenceGroupNorm
{
    public static double[] Forward(GroupNormCase call, float[] x, float[] gamma, float[] beta, double eps)
    {
        int channels = call.X[-1];
        int spatial = call.IsLayerNorm ? 1 : call.X[1] * call.X[2];
        int batch = x.Length / channels / spatial, width = channels / call.Groups;
        double[] y = new double[x.Length];
        for (int n = 0; n < batch; n++)
        {
            for (int g = 0; g < call.Groups; g++)
            {
                int At(int pixel, int c) => (((n * spatial) + pixel) * channels) + (g * width) + c;
                double mean = Average(spatial, width, (p, c) => x[At(p, c)]);
                double variance = Average(spatial, width, (p, c) => Math.Pow(x[At(p, c)] - mean, 2));
                for (int p = 0; p < spatial; p++)
                {
                    for (int c = 0; c < width; c++)
                    {
                        double normal = (x[At(p, c)] - mean) / Math.Sqrt(variance + eps);
                        double v = (normal * gamma[(g * width) + c]) + beta[(g * width) + c];
                        y[At(p, c)] = ReferencePointwise.Activate(call.Activation, v);
                    }
                }
            }
        }

        return y;
    }

    private static double Average(int rows, int columns, Func<int, int, double> value)
    {
        double sum = 0;
        for (int r = 0; r < rows; r++)
        {
            for (int c = 0; c < columns; c++)
            {
                sum += value(r, c);
            }
        }

        return sum / ((double)rows * columns);
    }
}
