using System;
using System.Collections.Generic;

namespace ControlNet.Native.Sampling;

/// <summary>
/// What <c>scheduler_config.json</c> says. A property that neither the file nor the caller set has the default of the
/// sampler of <see cref="Kind"/>, so that <c>config.With(kind)</c> is what diffusers' <c>from_config</c> does: keys of
/// the file stay, everything else becomes the new sampler's own.
/// </summary>
/// <remarks>
/// Source of the defaults: diffusers v0.31, the constructors of the classes named at <see cref="SamplerKind"/>.
/// </remarks>
public sealed record SchedulerConfig
{
    private readonly double? _betaStart, _betaEnd;
    private readonly BetaSchedule? _betaSchedule;
    private readonly TimestepSpacing? _spacing;
    private readonly bool? _setAlphaToOne, _clipSample, _lowerOrderFinal;
    private readonly SigmaSchedule? _sigmaSchedule;
    private readonly DpmAlgorithm? _algorithm;
    private readonly SolverType? _solverType;

    /// <summary>The sampler; decides every default below.</summary>
    public required SamplerKind Kind { get; init; }

    /// <summary>Timesteps of training, T.</summary>
    public int TrainTimesteps { get; init; } = 1000;

    /// <summary>Beta at timestep 0. Stable Diffusion: 0.00085.</summary>
    public double BetaStart
    {
        get => _betaStart ?? (HasLatentDiffusionBetas ? 0.00085 : 0.0001);
        init => _betaStart = value;
    }

    /// <summary>Beta at timestep T - 1. Stable Diffusion: 0.012.</summary>
    public double BetaEnd
    {
        get => _betaEnd ?? (HasLatentDiffusionBetas ? 0.012 : 0.02);
        init => _betaEnd = value;
    }

    /// <summary>How beta grows between the two.</summary>
    public BetaSchedule BetaSchedule
    {
        get => _betaSchedule ?? (Kind is SamplerKind.Lcm ? BetaSchedule.ScaledLinear : BetaSchedule.Linear);
        init => _betaSchedule = value;
    }

    /// <summary>T betas that replace the schedule; null computes it.</summary>
    public IReadOnlyList<double>? TrainedBetas { get; init; }

    /// <summary>What the UNet's output means.</summary>
    public PredictionType Prediction { get; init; } = PredictionType.Epsilon;

    /// <summary>How training timesteps are picked.</summary>
    public TimestepSpacing TimestepSpacing
    {
        get => _spacing ?? (WorksOnAlphas(Kind) ? TimestepSpacing.Leading : TimestepSpacing.Linspace);
        init => _spacing = value;
    }

    /// <summary>Added to every timestep of <see cref="TimestepSpacing.Leading"/>; Stable Diffusion: 1.</summary>
    public int StepsOffset { get; init; }

    /// <summary>
    /// Whether the last step of DDIM, PNDM and LCM ends without noise instead of at that of timestep 0.
    /// </summary>
    public bool SetAlphaToOne
    {
        get => _setAlphaToOne ?? (Kind is not SamplerKind.Pndm);
        init => _setAlphaToOne = value;
    }

    /// <summary>Clamps the predicted clean sample (DDIM, DDPM, Heun, LCM). Stable Diffusion: false.</summary>
    public bool ClipSample
    {
        get => _clipSample ?? (Kind is SamplerKind.Ddim or SamplerKind.Ddpm);
        init => _clipSample = value;
    }

    /// <summary>Largest magnitude kept by <see cref="ClipSample"/>, above 0.</summary>
    public double ClipSampleRange { get; init; } = 1;

    /// <summary>
    /// Stretches the noise schedule so that timestep T - 1 is pure noise. Lin et al., 2023, arXiv:2305.08891, algorithm
    /// 1.
    /// </summary>
    public bool RescaleBetasZeroSnr { get; init; }

    /// <summary>
    /// How noise levels are spaced; samplers without a choice (<see cref="SamplerNames.Supports"/>) have Normal.
    /// </summary>
    public SigmaSchedule SigmaSchedule
    {
        get => _sigmaSchedule is { } chosen && SamplerNames.Supports(Kind, chosen) ? chosen : SigmaSchedule.Normal;
        init => _sigmaSchedule = value;
    }

    /// <summary>Smallest level of a Karras or exponential schedule; null takes that of the timesteps.</summary>
    public double? SigmaMin { get; init; }

    /// <summary>Largest level of a Karras or exponential schedule; null takes that of the timesteps.</summary>
    public double? SigmaMax { get; init; }

    /// <summary>The noise level after the last step.</summary>
    public FinalSigma FinalSigma { get; init; } = FinalSigma.Zero;

    /// <summary>Order of DPM-Solver, UniPC and DEIS, 1 to 3.</summary>
    public int SolverOrder { get; init; } = 2;

    /// <summary>What DPM-Solver integrates.</summary>
    public DpmAlgorithm Algorithm
    {
        get => Kind is SamplerKind.DpmPlusPlus2MSde
            ? DpmAlgorithm.SdeDpmSolverPlusPlus
            : _algorithm ?? DpmAlgorithm.DpmSolverPlusPlus;
        init => _algorithm = value;
    }

    /// <summary>
    /// The variant of the higher orders; a variant of another solver counts as not given, as in diffusers.
    /// </summary>
    public SolverType SolverType
    {
        get => (Kind, _solverType) switch
        {
            (SamplerKind.UniPc, SolverType.Bh1) => SolverType.Bh1,
            (SamplerKind.UniPc, _) => SolverType.Bh2,
            (SamplerKind.Deis, _) => SolverType.LogRho,
            (_, SolverType.Heun) => SolverType.Heun,
            _ => SolverType.Midpoint,
        };
        init => _solverType = value;
    }

    /// <summary>Lowers the order in the last steps; DPM-Solver does so below 15 steps only.</summary>
    public bool LowerOrderFinal
    {
        get => _lowerOrderFinal ?? (Kind is not SamplerKind.DpmPlusPlus2S);
        init => _lowerOrderFinal = value;
    }

    /// <summary>Takes the last step of DPM-Solver multistep with order 1.</summary>
    public bool EulerAtFinal { get; init; }

    /// <summary>Smallest half log signal-to-noise ratio DPM-Solver and DEIS visit; minus infinity visits all.</summary>
    public double LambdaMinClipped { get; init; } = double.NegativeInfinity;

    /// <summary>UniPC integrates the clean sample instead of the noise.</summary>
    public bool PredictX0 { get; init; } = true;

    /// <summary>Steps after which UniPC does not correct, from 0.</summary>
    public IReadOnlyList<int> DisableCorrector { get; init; } = [];

    /// <summary>PNDM starts with linear multistep at once instead of Runge-Kutta. Stable Diffusion: true.</summary>
    public bool SkipPrkSteps { get; init; }

    /// <summary>The variance of a DDPM step.</summary>
    public VarianceType Variance { get; init; } = VarianceType.FixedSmall;

    /// <summary>Steps LCM was distilled from; it takes at most as many.</summary>
    public int OriginalInferenceSteps { get; init; } = 50;

    /// <summary>Factor of the timestep in LCM's boundary condition.</summary>
    public double TimestepScaling { get; init; } = 10;

    /// <summary>Noise DDIM adds back at each step, 0 (none) to 1 (as much as DDPM). Not a key of the file.</summary>
    public double Eta { get; init; }

    /// <summary>
    /// The timestep of each step, strictly descending, in place of <see cref="TimestepSpacing"/> and
    /// <see cref="SigmaSchedule"/>: 0 to T - 1, whole but for Euler and its kin. PNDM, which needs equal gaps, takes
    /// none. Not a key of the file. Source: diffusers' <c>set_timesteps(timesteps=…)</c>.
    /// </summary>
    public IReadOnlyList<double>? Timesteps { get; init; }

    /// <summary>
    /// The noise level of each step and the one after the last, usually 0, strictly descending, in place of the same.
    /// DDIM, PNDM, DDPM and LCM, which work on timesteps, take none. Not a key of the file. Source: diffusers'
    /// <c>set_timesteps(sigmas=…)</c>.
    /// </summary>
    public IReadOnlyList<double>? Sigmas { get; init; }

    /// <summary>Reads a <c>scheduler_config.json</c>.</summary>
    /// <param name="path">The file.</param>
    /// <param name="kind">The sampler; null is the one the file names.</param>
    /// <exception cref="SamplingException">
    /// The file is missing or damaged, or asks for what this library does not compute.
    /// </exception>
    public static SchedulerConfig FromJson(string path, SamplerKind? kind = null) =>
        SchedulerConfigReader.Read(path, kind);

    /// <summary>Reads the content of a <c>scheduler_config.json</c>.</summary>
    /// <param name="json">UTF-8.</param>
    /// <param name="kind">The sampler; null is the one the content names.</param>
    /// <param name="source">What messages call the content.</param>
    /// <exception cref="SamplingException">
    /// The content is damaged, or asks for what this library does not compute.
    /// </exception>
    public static SchedulerConfig FromJson(
        ReadOnlyMemory<byte> json, SamplerKind? kind = null, string source = "scheduler_config.json") =>
        SchedulerConfigReader.Read(json, kind, source);

    /// <summary>The configuration of Stable Diffusion 1.x: PNDM, scaled linear betas, offset 1.</summary>
    public static SchedulerConfig StableDiffusion15 { get; } = new()
    {
        Kind = SamplerKind.Pndm,
        BetaStart = 0.00085,
        BetaEnd = 0.012,
        BetaSchedule = BetaSchedule.ScaledLinear,
        ClipSample = false,
        SetAlphaToOne = false,
        SkipPrkSteps = true,
        StepsOffset = 1,
    };

    /// <summary>Another sampler on top of the same model, as diffusers' <c>from_config</c> makes it.</summary>
    /// <param name="kind">The sampler.</param>
    /// <param name="sigmaSchedule">
    /// How noise levels are spaced; null keeps what was set, where the sampler supports it.
    /// </param>
    /// <exception cref="SamplingException">The sampler does not support that schedule.</exception>
    public SchedulerConfig With(SamplerKind kind, SigmaSchedule? sigmaSchedule = null)
    {
        if (sigmaSchedule is not { } schedule)
        {
            return this with { Kind = kind };
        }

        if (!SamplerNames.Supports(kind, schedule))
        {
            throw new SamplingException(
                $"sampler {SamplerNames.Of(kind)} has no {SamplerNames.Of(schedule)} schedule; take 'normal' or " +
                "another sampler");
        }

        return this with { Kind = kind, SigmaSchedule = schedule };
    }

    /// <summary>Whether a sampler works on cumulative alphas at whole timesteps rather than on sigmas.</summary>
    internal static bool WorksOnAlphas(SamplerKind kind) =>
        kind is SamplerKind.Ddim or SamplerKind.Pndm or SamplerKind.Ddpm or SamplerKind.Lcm;

    private bool HasLatentDiffusionBetas =>
        Kind is SamplerKind.Heun or SamplerKind.Dpm2 or SamplerKind.Dpm2Ancestral or SamplerKind.Lcm;
}
