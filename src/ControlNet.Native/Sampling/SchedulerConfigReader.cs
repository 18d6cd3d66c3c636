using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;

namespace ControlNet.Native.Sampling;

/// <summary>
/// Reads <c>scheduler_config.json</c> as diffusers writes it. A key that is absent or null stays unset; keys of other
/// schedulers are ignored, as diffusers ignores them; a value that would change the result and is not computed is
/// refused.
/// </summary>
internal static class SchedulerConfigReader
{
    private const long LongestFileBytes = 1 << 20;
    private const int LongestBetaCount = 100_000;

    private static readonly (string Name, SamplerKind Value)[] s_classes =
    [
        ("DDIMScheduler", SamplerKind.Ddim),
        ("PNDMScheduler", SamplerKind.Pndm),
        ("DDPMScheduler", SamplerKind.Ddpm),
        ("EulerDiscreteScheduler", SamplerKind.Euler),
        ("EulerAncestralDiscreteScheduler", SamplerKind.EulerAncestral),
        ("HeunDiscreteScheduler", SamplerKind.Heun),
        ("LMSDiscreteScheduler", SamplerKind.Lms),
        ("DPMSolverMultistepScheduler", SamplerKind.DpmPlusPlus2M),
        ("DPMSolverSinglestepScheduler", SamplerKind.DpmPlusPlus2S),
        ("UniPCMultistepScheduler", SamplerKind.UniPc),
        ("KDPM2DiscreteScheduler", SamplerKind.Dpm2),
        ("KDPM2AncestralDiscreteScheduler", SamplerKind.Dpm2Ancestral),
        ("DEISMultistepScheduler", SamplerKind.Deis),
        ("LCMScheduler", SamplerKind.Lcm),
    ];

    private static readonly (string Name, BetaSchedule Value)[] s_betas =
    [
        ("linear", BetaSchedule.Linear),
        ("scaled_linear", BetaSchedule.ScaledLinear),
        ("squaredcos_cap_v2", BetaSchedule.SquaredCosine),
    ];

    private static readonly (string Name, PredictionType Value)[] s_predictions =
    [
        ("epsilon", PredictionType.Epsilon),
        ("v_prediction", PredictionType.Velocity),
        ("sample", PredictionType.Sample),
    ];

    private static readonly (string Name, TimestepSpacing Value)[] s_spacings =
    [
        ("leading", TimestepSpacing.Leading),
        ("linspace", TimestepSpacing.Linspace),
        ("trailing", TimestepSpacing.Trailing),
    ];

    private static readonly (string Name, FinalSigma Value)[] s_finals =
    [
        ("zero", FinalSigma.Zero),
        ("sigma_min", FinalSigma.SigmaMin),
    ];

    // "deis" is what a DEIS file says; DPM-Solver takes its default for it.
    private static readonly (string Name, DpmAlgorithm Value)[] s_algorithms =
    [
        ("dpmsolver++", DpmAlgorithm.DpmSolverPlusPlus),
        ("dpmsolver", DpmAlgorithm.DpmSolver),
        ("sde-dpmsolver++", DpmAlgorithm.SdeDpmSolverPlusPlus),
        ("sde-dpmsolver", DpmAlgorithm.SdeDpmSolver),
        ("deis", DpmAlgorithm.DpmSolverPlusPlus),
    ];

    private static readonly (string Name, SolverType Value)[] s_solvers =
    [
        ("midpoint", SolverType.Midpoint),
        ("heun", SolverType.Heun),
        ("bh1", SolverType.Bh1),
        ("bh2", SolverType.Bh2),
        ("logrho", SolverType.LogRho),
    ];

    private static readonly (string Name, VarianceType Value)[] s_variances =
    [
        ("fixed_small", VarianceType.FixedSmall),
        ("fixed_large", VarianceType.FixedLarge),
    ];

    /// <summary>Reads a file.</summary>
    public static SchedulerConfig Read(string path, SamplerKind? kind)
    {
        ArgumentNullException.ThrowIfNull(path);
        try
        {
            long bytes = new FileInfo(path).Length;
            if (bytes > LongestFileBytes)
            {
                throw new SamplingException(
                    $"{SamplingException.Quote(path)}: has {bytes} bytes, a scheduler configuration has at most " +
                    $"{LongestFileBytes}; pass the scheduler_config.json");
            }

            return Read(File.ReadAllBytes(path), kind, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new SamplingException(
                $"{SamplingException.Quote(path)}: cannot be read ({SamplingException.Quote(e.Message)}); pass the " +
                "model's scheduler/scheduler_config.json", e);
        }
    }

    /// <summary>Reads the content of a file.</summary>
    public static SchedulerConfig Read(ReadOnlyMemory<byte> json, SamplerKind? kind, string source)
    {
        string file = SamplingException.Quote(source);
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? Read(new JsonKeys(file, document.RootElement), kind)
                : throw new SamplingException($"{file}: is not a JSON object; pass the model's scheduler_config.json");
        }
        catch (JsonException e)
        {
            throw new SamplingException(
                $"{file}: is not JSON ({SamplingException.Quote(e.Message)}); pass the model's scheduler_config.json",
                e);
        }
    }

    private static SchedulerConfig Read(JsonKeys keys, SamplerKind? wanted)
    {
        SamplerKind kind = wanted ?? keys.OneOf("_class_name", s_classes)
            ?? throw keys.Problem("_class_name", "is missing", "add it, or choose a sampler");
        RefuseWhatIsNotComputed(keys);

        SchedulerConfig config = new() { Kind = kind };
        config = config with
        {
            TrainTimesteps = keys.Integer("num_train_timesteps", 2, LongestBetaCount) ?? config.TrainTimesteps,
            TrainedBetas = keys.Numbers("trained_betas", LongestBetaCount, 0, 1),
            Prediction = keys.OneOf("prediction_type", s_predictions) ?? config.Prediction,
            StepsOffset = keys.Integer("steps_offset", 0, LongestBetaCount) ?? config.StepsOffset,
            ClipSampleRange = keys.Number("clip_sample_range", 1e-6, 1e6) ?? config.ClipSampleRange,
            RescaleBetasZeroSnr = keys.Flag("rescale_betas_zero_snr") ?? config.RescaleBetasZeroSnr,
            SigmaMin = keys.Number("sigma_min", 1e-6, 1e6),
            SigmaMax = keys.Number("sigma_max", 1e-6, 1e6),
            FinalSigma = keys.OneOf("final_sigmas_type", s_finals) ?? config.FinalSigma,
            SolverOrder = keys.Integer("solver_order", 1, 3) ?? config.SolverOrder,
            EulerAtFinal = keys.Flag("euler_at_final") ?? config.EulerAtFinal,
            LambdaMinClipped = keys.NumberOrInfinity("lambda_min_clipped") ?? config.LambdaMinClipped,
            PredictX0 = keys.Flag("predict_x0") ?? config.PredictX0,
            DisableCorrector = [.. (keys.Numbers("disable_corrector", 1000, 0, 1e6) ?? []).Select(step => (int)step)],
            SkipPrkSteps = keys.Flag("skip_prk_steps") ?? config.SkipPrkSteps,
            Variance = kind is SamplerKind.Ddpm
                ? keys.OneOf("variance_type", s_variances) ?? config.Variance
                : config.Variance,
            OriginalInferenceSteps = keys.Integer("original_inference_steps", 1, LongestBetaCount)
                ?? config.OriginalInferenceSteps,
            TimestepScaling = keys.Number("timestep_scaling", 1e-6, 1e6) ?? config.TimestepScaling,
        };

        // Set only where the file has the key: an unset property follows the sampler when that is changed later.
        config = keys.Number("beta_start", 0, 1) is { } start ? config with { BetaStart = start } : config;
        config = keys.Number("beta_end", 0, 1) is { } end ? config with { BetaEnd = end } : config;
        config = keys.OneOf("beta_schedule", s_betas) is { } betas ? config with { BetaSchedule = betas } : config;
        config = keys.OneOf("timestep_spacing", s_spacings) is { } spacing
            ? config with { TimestepSpacing = spacing }
            : config;
        config = keys.Flag("set_alpha_to_one") is { } toOne ? config with { SetAlphaToOne = toOne } : config;
        config = keys.Flag("clip_sample") is { } clip ? config with { ClipSample = clip } : config;
        config = keys.Flag("lower_order_final") is { } lower ? config with { LowerOrderFinal = lower } : config;
        config = keys.OneOf("algorithm_type", s_algorithms) is { } algorithm
            ? config with { Algorithm = algorithm }
            : config;
        config = keys.OneOf("solver_type", s_solvers) is { } solver ? config with { SolverType = solver } : config;
        return Schedule(keys) is { } schedule ? config with { SigmaSchedule = schedule } : config;
    }

    private static SigmaSchedule? Schedule(JsonKeys keys)
    {
        (string Key, SigmaSchedule Schedule)[] flags =
        [
            ("use_karras_sigmas", SigmaSchedule.Karras),
            ("use_exponential_sigmas", SigmaSchedule.Exponential),
            ("use_lu_lambdas", SigmaSchedule.Lu),
        ];
        List<(string Key, SigmaSchedule Schedule)> on = [.. flags.Where(flag => keys.Flag(flag.Key) is true)];
        return on.Count switch
        {
            0 => null,
            1 => on[0].Schedule,
            _ => throw keys.Problem(on[1].Key, $"is true and so is '{on[0].Key}'", "set at most one of them"),
        };
    }

    private static void RefuseWhatIsNotComputed(JsonKeys keys)
    {
        foreach (string key in (string[])["thresholding", "use_beta_sigmas", "use_flow_sigmas"])
        {
            if (keys.Flag(key) is true)
            {
                throw keys.Problem(key, "is true, which is not computed", "set it to false");
            }
        }

        foreach ((string key, string only) in (ReadOnlySpan<(string, string)>)
            [("interpolation_type", "linear"), ("timestep_type", "discrete")])
        {
            if (keys.String(key) is { } value && value != only)
            {
                throw keys.Problem(
                    key, $"is '{SamplingException.Quote(value)}', which is not computed", $"set it to '{only}'");
            }
        }
    }
}
