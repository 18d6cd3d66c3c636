using System;
using ControlNet.Native.Cases;

namespace ControlNet.Native.Tests.Support;

/// <content>Gradients by the chain rule, in double.</content>
internal static partial class ReferenceGroupNorm
{
    public static (double[] DX, double[] DGamma, double[] DBeta) Gradients(
        GroupNormCase call, float[] x, float[] gamma, float[] beta, float[] dy, double eps)
    {
        int channels = call.X[-1];
        int spatial = call.IsLayerNorm ? 1 : call.X[1] * call.X[2];
        int batch = x.Length / channels / spatial, width = channels / call.Groups;
        double[] dx = new double[x.Length], dGamma = new double[channels], dBeta = new double[channels];
        for (int n = 0; n < batch; n++)
        {
            for (int group = 0; group < call.Groups; group++)
            {
                int first = group * width;
                int At(int pixel, int c) => (((n * spatial) + pixel) * channels) + first + c;
                double mean = Average(spatial, width, (p, c) => x[At(p, c)]);
                double variance = Average(spatial, width, (p, c) => Math.Pow(x[At(p, c)] - mean, 2));
                double rstd = 1 / Math.Sqrt(variance + eps);
                double Normal(int p, int c) => (x[At(p, c)] - mean) * rstd;
                double Slope(int p, int c) => dy[At(p, c)] * ReferencePointwise.Derivative(
                    call.Activation, (Normal(p, c) * gamma[first + c]) + beta[first + c]);
                double meanG = Average(spatial, width, (p, c) => gamma[first + c] * Slope(p, c));
                double meanGN = Average(spatial, width, (p, c) => gamma[first + c] * Slope(p, c) * Normal(p, c));
                for (int p = 0; p < spatial; p++)
                {
                    for (int c = 0; c < width; c++)
                    {
                        double g = Slope(p, c);
                        dGamma[first + c] += g * Normal(p, c);
                        dBeta[first + c] += g;
                        dx[At(p, c)] = rstd * ((gamma[first + c] * g) - meanG - (Normal(p, c) * meanGN));
                    }
                }
            }
        }

        return (dx, dGamma, dBeta);
    }
}
