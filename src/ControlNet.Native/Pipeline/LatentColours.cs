using System;
using ControlNet.Native.Imaging;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;
using ControlNet.Native.Vae;

namespace ControlNet.Native;

/// <summary>
/// What colour a latent stands for, to a first approximation: red, green and blue as quadratic functions of its
/// channels. Good enough to watch an image come about, and some thousand times cheaper than the decoder. The factors
/// are fitted to the encoder at hand, so they are right for any autoencoder. For that of Stable Diffusion linear terms
/// nearly do (the tables that other tools carry); one with little training is less even.
/// </summary>
internal sealed class LatentColours
{
    /// <summary>Pictures the factors are fitted to.</summary>
    private const int Pictures = 24;

    /// <summary>Latents along each axis of a picture.</summary>
    private const int Side = 8;

    /// <summary>Values a colour may take, from -1 to 1.</summary>
    private const int Levels = 5;

    private const int Colours = 3;

    private readonly double[,] _factors; // [terms, 3]
    private readonly int _channels;

    private LatentColours(double[,] factors, int channels)
    {
        _factors = factors;
        _channels = channels;
    }

    /// <summary>
    /// Encodes small pictures, a rectangle on a plain ground each, and fits the colours to the latents by least
    /// squares. Whole pictures, because group norm sees all of one: the same colour has other latents in a motley.
    /// Takes as long as encoding one of 320 x 320 pixels; always the same pictures.
    /// </summary>
    /// <param name="vae">The autoencoder.</param>
    /// <param name="device">Where it computes.</param>
    public static LatentColours Fit(Autoencoder vae, Device device)
    {
        int channels = vae.Config.LatentChannels, scale = vae.Config.Downscale, side = Side * scale;
        double[] colours = Draw();
        float[] pixels = new float[Pictures * side * side * Colours];
        for (int i = 0; i < pixels.Length; i++)
        {
            int colour = i % Colours, column = i / Colours % side, row = i / Colours / side % side;
            int latent = (((i / Colours / side / side * Side) + (row / scale)) * Side) + (column / scale);
            pixels[i] = (float)colours[(latent * Colours) + colour];
        }

        using TensorScope scope = TensorScope.Enter();
        using VaePosterior posterior = vae.Encode(
            Tensor.From(device, new Shape(Pictures, side, side, Colours), pixels));
        float[] latents = Ops.Scale(posterior.Mean, (float)vae.Config.ScalingFactor).ToArray();
        return new LatentColours(LeastSquares(latents, colours, channels), channels);
    }

    /// <summary>A picture of latents, one pixel for each.</summary>
    /// <param name="latents"><c>[H, W, C]</c>, at the scale of the UNet; finite or not.</param>
    /// <param name="width">Latents of a row.</param>
    /// <param name="height">Rows.</param>
    public RgbImage Paint(ReadOnlySpan<float> latents, int width, int height)
    {
        float[] rgb = new float[width * height * Colours];
        double[] terms = new double[TermCount(_channels)];
        for (int pixel = 0; pixel < width * height; pixel++)
        {
            Terms(latents.Slice(pixel * _channels, _channels), terms);
            for (int colour = 0; colour < Colours; colour++)
            {
                double sum = 0;
                for (int term = 0; term < terms.Length; term++)
                {
                    sum += _factors[term, colour] * terms[term];
                }

                // The first estimates may overflow; such a pixel is black.
                rgb[(pixel * Colours) + colour] = double.IsFinite(sum) ? (float)Math.Clamp(sum, -1, 1) : -1;
            }
        }

        return RgbImage.FromFloats(rgb, width, height, PixelRange.MinusOneToOne);
    }

    /// <summary>The colour of each latent, <c>[Pictures, Side, Side, 3]</c>.</summary>
    private static double[] Draw()
    {
        double[] colours = new double[Pictures * Side * Side * Colours];
        Mt19937 random = new(0);
        int Below(int limit) => (int)(random.NextUInt32() % limit);
        for (int picture = 0; picture < Pictures; picture++)
        {
            (int top, int left) = (Below(Side / 2), Below(Side / 2));
            (int bottom, int right) = (top + 2 + Below(Side / 2), left + 2 + Below(Side / 2));
            double[] palette = new double[2 * Colours];
            for (int i = 0; i < palette.Length; i++)
            {
                palette[i] = (Below(Levels) * 2.0 / (Levels - 1)) - 1;
            }

            for (int i = 0; i < Side * Side * Colours; i++)
            {
                int column = i / Colours % Side, row = i / Colours / Side;
                bool inside = row >= top && row < bottom && column >= left && column < right;
                colours[(picture * Side * Side * Colours) + i] = palette[(inside ? Colours : 0) + (i % Colours)];
            }
        }

        return colours;
    }

    private static int TermCount(int channels) => 1 + channels + (channels * (channels + 1) / 2);

    /// <summary>1, the channels, and their products in pairs.</summary>
    private static void Terms(ReadOnlySpan<float> latent, Span<double> terms)
    {
        terms[0] = 1;
        int next = 1;
        for (int i = 0; i < latent.Length; i++)
        {
            terms[next++] = latent[i];
        }

        for (int i = 0; i < latent.Length; i++)
        {
            for (int j = i; j < latent.Length; j++)
            {
                terms[next++] = (double)latent[i] * latent[j];
            }
        }
    }

    /// <summary>
    /// The factors of least squared error, by the normal equations and Gaussian elimination. A small weight on their
    /// own squares keeps them finite where an autoencoder does not tell the pictures apart.
    /// </summary>
    private static double[,] LeastSquares(float[] latents, double[] colours, int channels)
    {
        int unknowns = TermCount(channels), samples = latents.Length / channels;
        double[,] equations = new double[unknowns, unknowns + Colours];
        double[] terms = new double[unknowns];
        for (int sample = 0; sample < samples; sample++)
        {
            Terms(latents.AsSpan(sample * channels, channels), terms);
            for (int i = 0; i < unknowns; i++)
            {
                for (int j = 0; j < unknowns + Colours; j++)
                {
                    equations[i, j] += terms[i] *
                        (j < unknowns ? terms[j] : colours[(sample * Colours) + j - unknowns]);
                }
            }
        }

        for (int i = 0; i < unknowns; i++)
        {
            equations[i, i] += 1e-4 * samples;
        }

        // Positive definite, so no pivoting is needed.
        for (int pivot = 0; pivot < unknowns; pivot++)
        {
            for (int i = 0; i < unknowns; i++)
            {
                double factor = i == pivot ? 0 : equations[i, pivot] / equations[pivot, pivot];
                for (int j = pivot; j < unknowns + Colours; j++)
                {
                    equations[i, j] -= factor * equations[pivot, j];
                }
            }
        }

        double[,] factors = new double[unknowns, Colours];
        for (int i = 0; i < unknowns; i++)
        {
            for (int colour = 0; colour < Colours; colour++)
            {
                factors[i, colour] = equations[i, unknowns + colour] / equations[i, i];
            }
        }

        return factors;
    }
}
