namespace ControlNet.Native.Sampling;

/// <summary>The method that solves the denoising process. Each follows the diffusers class named beside it.</summary>
public enum SamplerKind
{
    /// <summary>DDIM. Song et al., 2020, arXiv:2010.02502. <c>DDIMScheduler</c>.</summary>
    Ddim,

    /// <summary>
    /// Pseudo linear multistep, the default of Stable Diffusion 1.x. Liu et al., 2022, arXiv:2202.09778.
    /// <c>PNDMScheduler</c>.
    /// </summary>
    Pndm,

    /// <summary>
    /// Ancestral sampling of the original process. Ho et al., 2020, arXiv:2006.11239. <c>DDPMScheduler</c>.
    /// </summary>
    Ddpm,

    /// <summary>
    /// Euler's method on the noise level. Karras et al., 2022, arXiv:2206.00364, algorithm 2 without churn.
    /// <c>EulerDiscreteScheduler</c>.
    /// </summary>
    Euler,

    /// <summary>Euler steps that overshoot and add noise back. <c>EulerAncestralDiscreteScheduler</c>.</summary>
    EulerAncestral,

    /// <summary>
    /// Heun's method, two calls a step. Karras et al., 2022, algorithm 2. <c>HeunDiscreteScheduler</c>.
    /// </summary>
    Heun,

    /// <summary>Linear multistep of order 4. <c>LMSDiscreteScheduler</c>.</summary>
    Lms,

    /// <summary>
    /// DPM-Solver++ multistep. Lu et al., 2022, arXiv:2211.01095. <c>DPMSolverMultistepScheduler</c>.
    /// </summary>
    DpmPlusPlus2M,

    /// <summary>
    /// The stochastic form of <see cref="DpmPlusPlus2M"/>. The same class with <c>sde-dpmsolver++</c>.
    /// </summary>
    DpmPlusPlus2MSde,

    /// <summary>DPM-Solver++ single-step. <c>DPMSolverSinglestepScheduler</c>.</summary>
    DpmPlusPlus2S,

    /// <summary>
    /// Predictor and corrector of one family. Zhao et al., 2023, arXiv:2302.04867. <c>UniPCMultistepScheduler</c>.
    /// </summary>
    UniPc,

    /// <summary>DPM-Solver-2 as k-diffusion has it, two calls a step. <c>KDPM2DiscreteScheduler</c>.</summary>
    Dpm2,

    /// <summary><see cref="Dpm2"/> that adds noise back. <c>KDPM2AncestralDiscreteScheduler</c>.</summary>
    Dpm2Ancestral,

    /// <summary>
    /// Exponential integrator in log rho. Zhang and Chen, 2022, arXiv:2204.13902. <c>DEISMultistepScheduler</c>.
    /// </summary>
    Deis,

    /// <summary>
    /// Consistency sampling for distilled models. Luo et al., 2023, arXiv:2310.04378. <c>LCMScheduler</c>.
    /// </summary>
    Lcm,
}
