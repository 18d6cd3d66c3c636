namespace ControlNet.Native.Sampling;

/// <summary>What the UNet's output means, for a sample <c>x = alpha x0 + sigma eps</c>.</summary>
public enum PredictionType
{
    /// <summary>The noise, eps.</summary>
    Epsilon,

    /// <summary>The velocity, <c>v = alpha eps - sigma x0</c>. Salimans and Ho, 2022, arXiv:2202.00512.</summary>
    Velocity,

    /// <summary>The clean sample, x0.</summary>
    Sample,
}

/// <summary>How training timesteps are picked. Lin et al., 2023, arXiv:2305.08891, table 2.</summary>
public enum TimestepSpacing
{
    /// <summary>Multiples of <c>T / steps</c> from the clean end, plus the offset.</summary>
    Leading,

    /// <summary>Evenly from the first to the last timestep.</summary>
    Linspace,

    /// <summary>Multiples of <c>T / steps</c> down from the noisy end.</summary>
    Trailing,
}

/// <summary>How beta, the variance added at each training timestep, grows.</summary>
public enum BetaSchedule
{
    /// <summary>Linear in beta.</summary>
    Linear,

    /// <summary>Linear in the square root of beta; Stable Diffusion's.</summary>
    ScaledLinear,

    /// <summary>The squared cosine of Nichol and Dhariwal, 2021, arXiv:2102.09672, beta at most 0.999.</summary>
    SquaredCosine,
}

/// <summary>The noise level after the last step.</summary>
public enum FinalSigma
{
    /// <summary>None.</summary>
    Zero,

    /// <summary>The smallest level of training.</summary>
    SigmaMin,
}

/// <summary>Which of the exponential integrators DPM-Solver computes.</summary>
public enum DpmAlgorithm
{
    /// <summary>The noise is integrated. Lu et al., 2022, arXiv:2206.00927.</summary>
    DpmSolver,

    /// <summary>The clean sample is integrated. Lu et al., 2022, arXiv:2211.01095.</summary>
    DpmSolverPlusPlus,

    /// <summary>Stochastic form of <see cref="DpmSolver"/>.</summary>
    SdeDpmSolver,

    /// <summary>Stochastic form of <see cref="DpmSolverPlusPlus"/>.</summary>
    SdeDpmSolverPlusPlus,
}

/// <summary>The variant of a solver's second and higher orders.</summary>
public enum SolverType
{
    /// <summary>Midpoint rule; DPM-Solver.</summary>
    Midpoint,

    /// <summary>Heun's rule; DPM-Solver.</summary>
    Heun,

    /// <summary>B(h) = h; UniPC.</summary>
    Bh1,

    /// <summary>B(h) = exp(h) - 1; UniPC.</summary>
    Bh2,

    /// <summary>Polynomials in log rho; DEIS.</summary>
    LogRho,
}

/// <summary>The variance of a DDPM step.</summary>
public enum VarianceType
{
    /// <summary>That of the posterior, the smallest sensible one.</summary>
    FixedSmall,

    /// <summary>That of the forward step, the largest sensible one.</summary>
    FixedLarge,
}
