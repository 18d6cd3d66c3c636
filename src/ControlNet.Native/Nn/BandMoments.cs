using System.Collections.Generic;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Nn;

/// <summary>
/// Mean and variance of each group of channels of an image in bands. Each band is measured about its own mean, in
/// float32 with the sums of <see cref="Ops.Mean"/>, and joined to the others in float64. Source: Chan, Golub and
/// LeVeque, 1983, The American Statistician 37, eq. 2.1.
/// </summary>
internal static class BandMoments
{
    /// <param name="bands"><c>[1, rows, W, C]</c> each, F32 or F16.</param>
    /// <param name="groups">Groups of channels; divides C.</param>
    /// <returns>One mean and one population variance for each group.</returns>
    public static (double Mean, double Variance)[] Of(IEnumerable<Tensor> bands, int groups)
    {
        double count = 0;
        double[] means = [], squares = [];
        foreach (Tensor band in bands)
        {
            using TensorScope scope = TensorScope.Enter();
            Tensor x = band.DType == DType.F32 ? band : Ops.Cast(band, DType.F32);
            int channels = x.Shape[3], pixels = x.Shape[1] * x.Shape[2];
            x = x.Reshape(pixels, channels);
            Tensor average = Ops.Mean(x, 0);
            Tensor off = Ops.Subtract(x, average);
            off = off.ReplacedBy(Ops.Multiply(off, off));
            (float[] bandMeans, float[] bandVariances) = (average.ToArray(), Ops.Mean(off, 0).ToArray());
            if (count == 0)
            {
                (means, squares) = (new double[channels], new double[channels]);
            }

            double total = count + pixels;
            for (int c = 0; c < channels; c++)
            {
                double apart = bandMeans[c] - means[c];
                means[c] += apart * pixels / total;
                squares[c] += (bandVariances[c] * (double)pixels) + (apart * apart * count * pixels / total);
            }

            count = total;
        }

        return Grouped(means, squares, count, groups);
    }

    private static (double Mean, double Variance)[] Grouped(
        double[] means, double[] squares, double count, int groups)
    {
        int each = means.Length / groups;
        (double Mean, double Variance)[] moments = new (double, double)[groups];
        for (int g = 0; g < groups; g++)
        {
            double mean = 0, variance = 0;
            for (int c = g * each; c < (g + 1) * each; c++)
            {
                mean += means[c] / each;
            }

            for (int c = g * each; c < (g + 1) * each; c++)
            {
                double apart = means[c] - mean;
                variance += ((squares[c] / count) + (apart * apart)) / each;
            }

            moments[g] = (mean, variance);
        }

        return moments;
    }
}
