using System;

namespace ControlNet.Native.Sampling;

/// <summary>
/// Factors of one step of an exponential integrator: of the sample, of the integrand's value D0 and its scaled first
/// and second differences D1 and D2 at the start of the step, and of the noise of a stochastic step.
/// </summary>
/// <param name="Sample">Factor of the sample.</param>
/// <param name="D0">Factor of the value.</param>
/// <param name="Midpoint">Factor of D1 under the midpoint rule.</param>
/// <param name="D1">Factor of D1, integrated exactly.</param>
/// <param name="D2">Factor of D2, integrated exactly; 0 for the stochastic algorithms, which stop at order 2.</param>
/// <param name="Noise">Deviation of the noise; 0 for deterministic algorithms.</param>
/// <remarks>
/// Source: Lu et al., 2022, arXiv:2211.01095, eq. 9 to 12 and appendix D (DPM-Solver++ and its SDE forms) and
/// arXiv:2206.00927, appendix B (DPM-Solver), as diffusers' DPMSolverMultistepScheduler writes them.
/// </remarks>
internal readonly record struct ExponentialIntegral(
    double Sample, double D0, double Midpoint, double D1, double D2, double Noise)
{
    /// <summary>The factors between two noise levels.</summary>
    /// <param name="algorithm">What is integrated, with or without noise.</param>
    /// <param name="from">sigma / alpha at the start, above 0.</param>
    /// <param name="to">
    /// sigma / alpha at the end; at 0 only <see cref="Sample"/> and <see cref="D0"/> are of use.
    /// </param>
    public static ExponentialIntegral Over(DpmAlgorithm algorithm, double from, double to)
    {
        (double alphaFrom, double alphaTo) = (Prediction.Alpha(from), Prediction.Alpha(to));
        (double sigmaFrom, double sigmaTo) = (from * alphaFrom, to * alphaTo);
        double h = Math.Log(from) - Math.Log(to);
        double shrink = to / from, grow = from / to;
        switch (algorithm)
        {
            case DpmAlgorithm.DpmSolverPlusPlus:
            {
                double d0 = alphaTo * (1 - shrink);
                return new ExponentialIntegral(
                    sigmaTo / sigmaFrom, d0, d0 / 2,
                    alphaTo * (((shrink - 1) / h) + 1), -alphaTo * (((shrink - 1 + h) / (h * h)) - 0.5), 0);
            }

            case DpmAlgorithm.DpmSolver:
            {
                double d0 = -sigmaTo * (grow - 1);
                return new ExponentialIntegral(
                    alphaTo / alphaFrom, d0, d0 / 2,
                    -sigmaTo * (((grow - 1) / h) - 1), -sigmaTo * (((grow - 1 - h) / (h * h)) - 0.5), 0);
            }

            case DpmAlgorithm.SdeDpmSolverPlusPlus:
            {
                double lost = 1 - (shrink * shrink);
                double d0 = alphaTo * lost;
                return new ExponentialIntegral(
                    sigmaTo / sigmaFrom * shrink, d0, d0 / 2,
                    alphaTo * (1 - (lost / (2 * h))), 0, sigmaTo * Math.Sqrt(lost));
            }

            default:
            {
                double d0 = -2 * sigmaTo * (grow - 1);
                return new ExponentialIntegral(
                    alphaTo / alphaFrom, d0, d0 / 2,
                    -2 * sigmaTo * (((grow - 1) / h) - 1), 0, sigmaTo * Math.Sqrt((grow * grow) - 1));
            }
        }
    }
}
