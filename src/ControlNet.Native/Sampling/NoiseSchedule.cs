using System;
using System.Collections.Generic;
using System.Globalization;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Sampling;

/// <summary>
/// The forward process: at timestep t a clean sample x0 has become <c>sqrt(abar[t]) x0 + sqrt(1 - abar[t]) eps</c>.
/// Source: Ho et al., 2020, arXiv:2006.11239, eq. 4.
/// </summary>
/// <remarks>
/// Betas and their cumulative product are rounded to float32 where PyTorch rounds them, so that the constants are the
/// reference's to the last digit; everything after that is double.
/// </remarks>
public sealed class NoiseSchedule
{
    private readonly double[] _alphasCumprod;

    private NoiseSchedule(double[] alphasCumprod)
    {
        _alphasCumprod = alphasCumprod;
        AlphasCumprod = Array.AsReadOnly(alphasCumprod);
    }

    /// <summary>abar of every training timestep, falling from nearly 1.</summary>
    public IReadOnlyList<double> AlphasCumprod { get; }

    /// <summary>Timesteps of training, T.</summary>
    public int TrainTimesteps => _alphasCumprod.Length;

    /// <summary>Works out the schedule of a configuration.</summary>
    /// <exception cref="SamplingException">Its betas make no schedule.</exception>
    public static NoiseSchedule From(SchedulerConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        float[] betas = Betas(config);
        if (config.RescaleBetasZeroSnr)
        {
            betas = RescaleToZeroSnr(betas);
        }

        double[] alphasCumprod = new double[betas.Length];
        double product = 1;
        for (int t = 0; t < betas.Length; t++)
        {
            product *= 1f - betas[t];
            alphasCumprod[t] = (float)product;
        }

        // The sigma of pure noise is infinite: samplers that work on sigmas end at 4096 instead, as the reference does.
        if (config.RescaleBetasZeroSnr && !SchedulerConfig.WorksOnAlphas(config.Kind))
        {
            alphasCumprod[^1] = Math.Pow(2, -24);
        }

        bool pureNoise = alphasCumprod[^1] == 0;
        if (!(alphasCumprod[^1] >= 0) || alphasCumprod[0] >= 1 || (pureNoise && !config.RescaleBetasZeroSnr))
        {
            throw new SamplingException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"the betas from {config.BetaStart} to {config.BetaEnd} leave {alphasCumprod[0]} of the signal " +
                    $"at the first timestep and {alphasCumprod[^1]} at the last; both must be between 0 and 1"));
        }

        if (pureNoise && config.Prediction == PredictionType.Epsilon)
        {
            throw new SamplingException(
                "rescale_betas_zero_snr makes the last timestep pure noise, from which an epsilon prediction " +
                "recovers nothing; set prediction_type to 'v_prediction' or the rescaling to false");
        }

        return new NoiseSchedule(alphasCumprod);
    }

    /// <summary>The noise level in units of the signal, <c>sqrt((1 - abar) / abar)</c>.</summary>
    /// <param name="timestep">From 0 to T - 1.</param>
    public double Sigma(int timestep)
    {
        double alphaCumprod = _alphasCumprod[timestep];
        return Math.Sqrt((1 - alphaCumprod) / alphaCumprod);
    }

    /// <summary>The noised sample, <c>sqrt(abar) x0 + sqrt(1 - abar) eps</c>.</summary>
    /// <param name="x0">Clean sample.</param>
    /// <param name="noise">Unit normal noise eps, the shape of <paramref name="x0"/>.</param>
    /// <param name="timestep">From 0 to T - 1.</param>
    public Tensor AddNoise(Tensor x0, Tensor noise, int timestep)
    {
        double alphaCumprod = _alphasCumprod[timestep];
        return Ops.LinearCombination(((float)Math.Sqrt(alphaCumprod), x0), ((float)Math.Sqrt(1 - alphaCumprod), noise));
    }

    /// <summary>The velocity a v-predicting model is trained on, <c>sqrt(abar) eps - sqrt(1 - abar) x0</c>.</summary>
    /// <param name="x0">Clean sample.</param>
    /// <param name="noise">Unit normal noise eps, the shape of <paramref name="x0"/>.</param>
    /// <param name="timestep">From 0 to T - 1.</param>
    /// <remarks>Source: Salimans and Ho, 2022, arXiv:2202.00512, section 4.</remarks>
    public Tensor Velocity(Tensor x0, Tensor noise, int timestep)
    {
        double alphaCumprod = _alphasCumprod[timestep];
        return Ops.LinearCombination(
            (-(float)Math.Sqrt(1 - alphaCumprod), x0), ((float)Math.Sqrt(alphaCumprod), noise));
    }

    /// <summary>The sigma of every timestep, rising.</summary>
    internal double[] Sigmas()
    {
        double[] sigmas = new double[TrainTimesteps];
        for (int t = 0; t < sigmas.Length; t++)
        {
            sigmas[t] = Sigma(t);
        }

        return sigmas;
    }

    private static float[] Betas(SchedulerConfig config)
    {
        int count = config.TrainedBetas?.Count ?? config.TrainTimesteps;
        if (count != config.TrainTimesteps || count < 2)
        {
            throw new SamplingException(
                $"trained_betas has {count} entries and num_train_timesteps is {config.TrainTimesteps}; make them " +
                "the same, 2 or more");
        }

        float[] betas = new float[count];
        for (int t = 0; t < count; t++)
        {
            betas[t] = config switch
            {
                { TrainedBetas: { } trained } => (float)trained[t],
                { BetaSchedule: BetaSchedule.Linear } => Linspace(config.BetaStart, config.BetaEnd, t, count),
                { BetaSchedule: BetaSchedule.ScaledLinear } =>
                    Square(Linspace(Math.Sqrt(config.BetaStart), Math.Sqrt(config.BetaEnd), t, count)),
                _ => (float)Math.Min(1 - (SquaredCosine((t + 1.0) / count) / SquaredCosine((double)t / count)), 0.999),
            };
        }

        return betas;
    }

    /// <summary>
    /// Lin et al., 2023, arXiv:2305.08891, algorithm 1: shifts sqrt(abar) to end at 0 and scales it to start where it
    /// did.
    /// </summary>
    private static float[] RescaleToZeroSnr(float[] betas)
    {
        double[] roots = new double[betas.Length];
        double product = 1;
        for (int t = 0; t < betas.Length; t++)
        {
            product *= 1f - betas[t];
            roots[t] = (float)Math.Sqrt((float)product);
        }

        float[] rescaled = new float[betas.Length];
        double before = 1;
        for (int t = 0; t < betas.Length; t++)
        {
            double root = (float)((roots[t] - roots[^1]) * (roots[0] / (roots[0] - roots[^1])));
            rescaled[t] = (float)(1 - (root * root / before));
            before = root * root;
        }

        return rescaled;
    }

    /// <summary>torch.linspace in float32: the second half counts down from the end.</summary>
    private static float Linspace(double start, double end, int index, int count)
    {
        (float first, float last) = ((float)start, (float)end);
        float step = (last - first) / (count - 1);
        return index < count / 2 ? first + (step * index) : last - (step * (count - index - 1));
    }

    private static float Square(float value) => value * value;

    private static double SquaredCosine(double time)
    {
        double cosine = Math.Cos((time + 0.008) / 1.008 * Math.PI / 2);
        return cosine * cosine;
    }
}
