using System;
using System.CommandLine;
using System.IO;
using System.Linq;
using ControlNet.Native;
using ControlNet.Native.Tensors;
using ControlNet.Native.Training;

namespace ControlNet.Cli;

/// <summary>A training run as the command line asks for it, read before anything is loaded.</summary>
/// <param name="Model">The base model.</param>
/// <param name="Folder">The folder of the run.</param>
/// <param name="Settings">What to train, and how.</param>
/// <param name="Loading">How the base model is loaded.</param>
internal sealed record TrainJob(string Model, string Folder, TrainingOptions Settings, LoadOptions Loading)
{
    /// <summary>Reads a command line.</summary>
    /// <exception cref="UsageException">A word is none of those it can be, or an option is of another part.</exception>
    /// <exception cref="TrainingOptionsException">A number is out of its range.</exception>
    public static TrainJob Read(TrainOptions options, ParseResult arguments)
    {
        string part = arguments.GetValue(options.Part)!.ToUpperInvariant();
        RefuseOptionsOfOthers(options, arguments, part);
        TrainingOptions settings = Common(options, arguments, part switch
        {
            "CONTROLNET" => new ControlNetTrainingOptions
            {
                LockBase = !arguments.GetValue(options.UnlockDecoder),
                DecoderLearningRate = arguments.GetValue(options.DecoderLearningRate),
                OnlyMidControl = arguments.GetValue(options.OnlyMidControl),
                InitialControlNet = arguments.GetValue(options.ControlNet),
                Variant = arguments.GetValue(options.Variant)!.ToUpperInvariant() switch
                {
                    "STANDARD" => ControlNetVariant.Standard,
                    "GAUSSIAN" => ControlNetVariant.Gaussian,
                    "LITE" => ControlNetVariant.Lite,
                    _ => throw Other("--variant", arguments.GetValue(options.Variant),
                        "'standard', 'gaussian' or 'lite'"),
                },
                ExportLayouts = arguments.GetValue(options.ExportLayout)!.ToUpperInvariant() switch
                {
                    "DIFFUSERS" => ExportLayouts.Diffusers,
                    "ORIGINAL" => ExportLayouts.Original,
                    "BOTH" => ExportLayouts.Diffusers | ExportLayouts.Original,
                    _ => throw Other("--export-layout", arguments.GetValue(options.ExportLayout),
                        "'diffusers', 'original' or 'both'"),
                },
            },
            "UNET" => new DenoiserTrainingOptions { TrainText = !arguments.GetValue(options.FreezeText) },
            "VAE" => new AutoencoderTrainingOptions
            {
                DivergenceWeight = arguments.GetValue(options.KlWeight),
                TrainEncoder = !arguments.GetValue(options.FreezeEncoder),
            },
            _ => throw Other("--part", arguments.GetValue(options.Part), "'controlnet', 'unet' or 'vae'"),
        });
        settings.Validate();
        return new TrainJob(arguments.GetValue(options.Model)!, arguments.GetValue(options.Out)!, settings, new()
        {
            Tokenizer = arguments.GetValue(options.Tokenizer),
            ConfigsFrom = arguments.GetValue(options.Config),
            Prediction = LoadWords.Prediction(arguments.GetValue(options.Prediction)),
            WeightStorage = LoadWords.WeightType("--weight-type", arguments.GetValue(options.WeightType)),
        });
    }

    /// <summary>Which pictures it needs.</summary>
    public TrainingFolderOptions DataOptions(TrainOptions options, ParseResult arguments) => new()
    {
        NeedsHints = Settings is ControlNetTrainingOptions,
        Hint = arguments.GetValue(options.Hint),
        Fit = arguments.GetValue(options.Fit)!.ToUpperInvariant() switch
        {
            "CROP" => ImageFit.Crop,
            "STRETCH" => ImageFit.Stretch,
            _ => throw Other("--fit", arguments.GetValue(options.Fit), "'crop' or 'stretch'"),
        },
    };

    /// <summary>What it would take.</summary>
    public TrainingMemory Estimate(TrainingFolder data, Device device) => Settings switch
    {
        ControlNetTrainingOptions net => ControlNetTrainer.EstimateMemory(Model, data, device, net, Loading),
        DenoiserTrainingOptions unet => BaseTrainer.EstimateMemory(Model, data, device, unet, Loading),
        AutoencoderTrainingOptions vae => BaseTrainer.EstimateMemory(Model, data, device, vae, Loading),
        _ => throw new InvalidOperationException($"unknown settings {Settings.GetType().Name}"),
    };

    /// <summary>Opens the run.</summary>
    public Trainer Open(TrainingFolder data, Device device, bool resume) => Settings switch
    {
        ControlNetTrainingOptions net =>
            ControlNetTrainer.Open(Model, data, Folder, device, net, Loading, resume),
        DenoiserTrainingOptions unet => BaseTrainer.OpenDenoiser(Model, data, Folder, device, unet, Loading, resume),
        AutoencoderTrainingOptions vae =>
            BaseTrainer.OpenAutoencoder(Model, data, Folder, device, vae, Loading, resume),
        _ => throw new InvalidOperationException($"unknown settings {Settings.GetType().Name}"),
    };

    /// <summary>What to do with the trained model: one command.</summary>
    public string Use()
    {
        string final = Path.Combine(Folder, "final");
        return Settings switch
        {
            ControlNetTrainingOptions { ExportLayouts: ExportLayouts.Original } net =>
                Generate(net, final, Path.Combine(final, "original", "control_model.safetensors")),
            ControlNetTrainingOptions net => Generate(net, final, final),
            DenoiserTrainingOptions => $"controlnet generate --model {final} --prompt \"…\"",
            _ => $"controlnet train --part unet --model {final} --data FOLDER --out FOLDER",
        };
    }

    private string Generate(ControlNetTrainingOptions net, string final, string path) =>
        $"controlnet generate --model {(net.LockBase ? Model : Path.Combine(final, "model"))} --control-net {path} " +
        "--control-image hint.png --prompt \"…\"";

    private static TrainingOptions Common(TrainOptions options, ParseResult arguments, TrainingOptions own)
    {
        int? size = arguments.GetValue(options.Size), width = arguments.GetValue(options.Width);
        int? height = arguments.GetValue(options.Height);
        if (size is not null && (width ?? height) is not null)
        {
            throw new UsageException("--size is the edge of square pictures; leave it out beside --width and --height");
        }

        return own with
        {
            Steps = arguments.GetValue(options.Steps),
            BatchSize = arguments.GetValue(options.Batch),
            Accumulation = arguments.GetValue(options.Accumulate),
            Schedule = ReadSchedule(options, arguments),
            WeightDecay = arguments.GetValue(options.WeightDecay),
            ClipNorm = arguments.GetValue(options.Clip),
            EmaDecay = arguments.GetValue(options.Ema),
            PromptDrop = arguments.GetValue(options.PromptDrop) ?? own.PromptDrop,
            MinTimestep = arguments.GetValue(options.MinTimestep),
            MaxTimestep = arguments.GetValue(options.MaxTimestep),
            Seed = arguments.GetValue(options.Seed),
            Width = width ?? size ?? height ?? own.Width,
            Height = height ?? size ?? width ?? own.Height,
            CacheLatents = arguments.GetValue(options.CacheLatents),
            CacheText = arguments.GetValue(options.CacheText),
            Recompute = arguments.GetValue(options.Recompute),
            SaveEvery = arguments.GetValue(options.SaveEvery),
            KeepCheckpoints = arguments.GetValue(options.Keep),
            PreviewEvery = arguments.GetValue(options.SampleEvery),
            PreviewCount = arguments.GetValue(options.Samples),
            PreviewSteps = arguments.GetValue(options.SampleSteps),
            PreviewGuidanceScale = arguments.GetValue(options.SampleCfgScale),
            Fidelity = arguments.GetValue(options.Fidelity)!.ToUpperInvariant() switch
            {
                "NONE" => FidelityKind.None,
                "MASK" => FidelityKind.Mask,
                "EDGES" => FidelityKind.Edges,
                _ => throw Other("--fidelity", arguments.GetValue(options.Fidelity), "'none', 'mask' or 'edges'"),
            },
            ExportType = LoadWords.WeightType("--export-type", arguments.GetValue(options.ExportType))!.Value,
        };
    }

    private static LearningRateSchedule ReadSchedule(TrainOptions options, ParseResult arguments)
    {
        int warmup = arguments.GetValue(options.Warmup);
        string? name = arguments.GetValue(options.Schedule);
        return new LearningRateSchedule
        {
            BaseRate = arguments.GetValue(options.LearningRate),
            WarmupSteps = warmup,
            TotalSteps = (int)Math.Clamp(arguments.GetValue(options.Steps), 0, int.MaxValue),
            Shape = name!.ToUpperInvariant() switch
            {
                "CONSTANT" => warmup == 0 ? LearningRateShape.Constant : LearningRateShape.ConstantWithWarmup,
                "LINEAR" => LearningRateShape.Linear,
                "COSINE" => LearningRateShape.Cosine,
                "COSINE-RESTARTS" => LearningRateShape.CosineWithRestarts,
                "POLYNOMIAL" => LearningRateShape.Polynomial,
                _ => throw Other(
                    "--lr-schedule", name, "'constant', 'linear', 'cosine', 'cosine-restarts' or 'polynomial'"),
            },
        };
    }

    private static void RefuseOptionsOfOthers(TrainOptions options, ParseResult arguments, string part)
    {
        (string Part, Option[] Options)[] parts =
        [
            ("CONTROLNET",
            [
                options.Hint, options.UnlockDecoder, options.DecoderLearningRate, options.OnlyMidControl,
                options.Variant, options.ControlNet, options.ExportLayout,
            ]),
            ("UNET", [options.FreezeText]),
            ("VAE", [options.KlWeight, options.FreezeEncoder]),
        ];
        foreach ((string owner, Option[] owned) in parts)
        {
            if (owner != part
                && owned.FirstOrDefault(o => arguments.GetResult(o) is { Implicit: false }) is { } option)
            {
                throw new UsageException(
                    $"{option.Name} is for --part {owner.ToLowerInvariant()}, not {part.ToLowerInvariant()}");
            }
        }
    }

    private static UsageException Other(string option, string? value, string known) =>
        new($"{option} is '{value}', but must be {known}");
}
