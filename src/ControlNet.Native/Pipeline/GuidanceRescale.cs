using System;
using ControlNet.Native.Tensors;

namespace ControlNet.Native;

/// <summary>
/// Takes back the contrast that classifier-free guidance adds. Source: Lin et al., 2023, arXiv:2305.08891, equations 15
/// and 16; diffusers' <c>rescale_noise_cfg</c>.
/// </summary>
internal static class GuidanceRescale
{
    /// <summary>
    /// Scales each sample of <paramref name="guided"/> by <c>phi std(conditional) / std(guided) + 1 - phi</c>, the
    /// standard deviation being over all of a sample.
    /// </summary>
    /// <param name="guided"><c>[N, H, W, C]</c>, F32.</param>
    /// <param name="conditional">The same shape.</param>
    /// <param name="phi">0 to 1; 0 gives <paramref name="guided"/> itself.</param>
    /// <returns>A tensor of the caller's scope.</returns>
    /// <remarks>Waits for the device: the two deviations are taken on the host, in double.</remarks>
    public static Tensor Apply(Tensor guided, Tensor conditional, float phi)
    {
        if (phi == 0)
        {
            return guided;
        }

        int samples = guided.Shape[0];
        int size = (int)(guided.Shape.Count / samples);
        float[] after = guided.ToArray(), before = conditional.ToArray();
        Tensor[] scaled = new Tensor[samples];
        for (int i = 0; i < samples; i++)
        {
            double ratio = Deviation(before.AsSpan(i * size, size)) / Deviation(after.AsSpan(i * size, size));

            // Two constant halves have no contrast to take away.
            double factor = double.IsFinite(ratio) ? (phi * ratio) + 1 - phi : 1;
            scaled[i] = Ops.Scale(guided.Rows(i, 1), (float)factor);
        }

        return samples == 1 ? scaled[0] : Ops.Concat(0, scaled);
    }

    /// <summary>Up to a factor that the ratio does not have.</summary>
    private static double Deviation(ReadOnlySpan<float> values)
    {
        double sum = 0, squares = 0;
        foreach (float value in values)
        {
            sum += value;
        }

        double mean = sum / values.Length;
        foreach (float value in values)
        {
            squares += (value - mean) * (value - mean);
        }

        return Math.Sqrt(squares);
    }
}
