using System.Collections.Generic;
using System.CommandLine;
using System.Linq;

namespace ControlNet.Cli;

/// <summary>What <c>controlnet train</c> accepts. Every description states its default.</summary>
internal sealed class TrainOptions
{
    public Option<string> Part { get; } = Word(
        "--part", "What is trained: 'controlnet', or of the base model itself 'unet' or 'vae'.", "controlnet");

    public Option<string> Model { get; } = new("--model", "-m")
    {
        Description = "Base model: a diffusers folder, or for a ControlNet a .safetensors file too.",
        HelpName = "PATH",
        Required = true,
    };

    public Option<string> Data { get; } = new("--data", "-d")
    {
        Description = "Training set: a folder with prompt.json and pictures.",
        HelpName = "FOLDER",
        Required = true,
    };

    public Option<string> Out { get; } = new("--out", "-o")
    {
        Description = "Folder of the run: checkpoints, metrics.jsonl, loss.svg, samples, at the end final.",
        HelpName = "FOLDER",
        Required = true,
    };

    public Option<bool> Resume { get; } = Flag(
        "--resume", "Go on from the newest whole checkpoint in --out, or begin where there is none.");

    public Option<string?> Hint { get; } = Maybe<string?>(
        "--hint", "NAME", "Which of the hints of prompt.json is read. [default: source]");

    public Option<int?> Size { get; } = Maybe<int?>(
        "--size", "PIXELS", "Edge of the pictures, a multiple of 8. [default: 512]");

    public Option<int?> Width { get; } = Maybe<int?>(
        "--width", "PIXELS", "Width of the pictures, where it is not --size. [default: --size]");

    public Option<int?> Height { get; } = Maybe<int?>(
        "--height", "PIXELS", "Height of the pictures, where it is not --size. [default: --size]");

    public Option<string> Fit { get; } = Word(
        "--fit", "How pictures of other proportions are fitted: 'crop' or 'stretch'.", "crop");

    public Option<long> Steps { get; } = Number("--steps", "Optimiser steps of the whole run.", 1000L);

    public Option<int> Batch { get; } = Number("--batch", "Samples computed together; memory grows with it.", 4);

    public Option<int> Accumulate { get; } = Number("--accumulate", "Batches averaged into one step.", 1);

    public Option<double> LearningRate { get; } = Number("--lr", "Learning rate.", 1e-5);

    public Option<string> Schedule { get; } = Word(
        "--lr-schedule", "'constant', 'linear', 'cosine', 'cosine-restarts' or 'polynomial' over all steps.",
        "constant");

    public Option<int> Warmup { get; } = Number("--warmup", "Steps over which the rate rises from 0.", 0);

    public Option<double> WeightDecay { get; } = Number("--weight-decay", "Weight decay of AdamW.", 1e-2);

    public Option<double> Clip { get; } = Number(
        "--clip", "Length longer gradients are shortened to; 0 never shortens and saves memory.", 1d);

    public Option<double> Ema { get; } = Number(
        "--ema", "Decay of the moving average of the weights, which is then exported; 0 for none.", 0d);

    public Option<double?> PromptDrop { get; } = Maybe<double?>(
        "--prompt-drop", "NUMBER", "Probability that a prompt is dropped. [default: 0.5, of a UNet 0.1]");

    public Option<int> MinTimestep { get; } = Number(
        "--min-timestep", "Least timestep that is drawn; 0 is the clearest.", 0);

    public Option<int?> MaxTimestep { get; } = Maybe<int?>(
        "--max-timestep", "NUMBER", "Largest timestep that is drawn. [default: the last of the model's schedule]");

    public Option<long> Seed { get; } = Number("--seed", "Seed of everything random, 0 or more.", 0L);

    public Option<bool> UnlockDecoder { get; } = Flag(
        "--unlock-decoder", "Train the UNet's decoder, too (the authors' sd_locked = False).");

    public Option<double> DecoderLearningRate { get; } = Number(
        "--decoder-lr", "Learning rate of the decoder where it is trained.", 2e-6);

    public Option<bool> OnlyMidControl { get; } = Flag("--only-mid-control", "Control the middle block alone.");

    public Option<string> Variant { get; } = Word(
        "--variant", "'standard', or for comparison 'gaussian' or 'lite' (figure 8 of the paper).", "standard");

    public Option<string?> ControlNet { get; } = new("--control-net")
    {
        Description = "ControlNet to train on from. [default: none, a copy of the UNet's encoder]", HelpName = "PATH",
    };

    public Option<bool> FreezeText { get; } = Flag(
        "--freeze-text", "Leave the text encoder as it is while the UNet is trained.");

    public Option<double> KlWeight { get; } = Number(
        "--kl-weight", "Weight of the posterior's distance from the unit normal in the loss of a VAE.", 1e-5);

    public Option<bool> FreezeEncoder { get; } = Flag(
        "--freeze-encoder", "Train the decoder of a VAE alone: the latents stay what they are.");

    public Option<bool> Recompute { get; } = Flag(
        "--recompute", "Compute the inside of blocks again in the backward pass: less memory, more time.");

    public Option<bool> CacheLatents { get; } = Flag("--cache-latents", "Encode every picture once, keep the result.");

    public Option<bool> CacheText { get; } = Flag("--cache-text", "Encode every prompt once, keep the result.");

    public Option<int> SaveEvery { get; } = Number("--save-every", "Steps between two checkpoints.", 500);

    public Option<int> Keep { get; } = Number("--keep", "Checkpoints kept, 2 or more.", 2);

    public Option<int> SampleEvery { get; } = Number("--sample-every", "Steps between two grids; 0 for none.", 500);

    public Option<int> Samples { get; } = Number("--samples", "Samples of a grid: the first of the set.", 4);

    public Option<int> SampleSteps { get; } = Number("--sample-steps", "Denoising steps of a sample.", 20);

    public Option<float> SampleCfgScale { get; } = Number("--sample-cfg-scale", "Guidance scale of a sample.", 9f);

    public Option<string> Fidelity { get; } = Word(
        "--fidelity", "How samples are held against their targets: 'none', 'mask' or 'edges'.", "edges");

    public Option<string> ExportType { get; } = Word(
        "--export-type", "Type of the exported weights: 'f32', 'f16' or 'bf16'.", "f32");

    public Option<string> ExportLayout { get; } = Word(
        "--export-layout", "Layout of an exported ControlNet: 'diffusers', 'original' or 'both'.", "diffusers");

    public Option<string?> WeightType { get; } = Maybe<string?>(
        "--weight-type", "TYPE", "How frozen weights are kept: f32, f16 or bf16. [default: as the file stores them]");

    public Option<string?> Prediction { get; } = Maybe<string?>(
        "--prediction", "NAME", "What the UNet predicts: epsilon, v or sample. [default: what the model says]");

    public Option<string?> Tokenizer { get; } = Maybe<string?>(
        "--tokenizer", "PATH", "Tokenizer of the model. [default: looked for in the model and beside it]");

    public Option<string?> Config { get; } = Maybe<string?>(
        "--config", "FOLDER", "Diffusers folder that describes a single-file model. [default: read off the tensors]");

    public Option<string?> MaxMemory { get; } = Maybe<string?>(
        "--max-memory", "SIZE", "Memory that may be taken, for example 6GiB. [default: what the machine has free]");

    public Option<bool> EstimateMemory { get; } = Flag(
        "--estimate-memory", "Say what the run would take, and stop.");

    public DeviceOptions Device { get; } = new();

    /// <summary>Adds everything to a command, in the order of the help.</summary>
    public void AddTo(Command command)
    {
        IEnumerable<Option> all =
        [
            Part, Model, Data, Out, Resume, Hint, Size, Width, Height, Fit, Steps, Batch, Accumulate, LearningRate,
            Schedule, Warmup, WeightDecay, Clip, Ema, PromptDrop, MinTimestep, MaxTimestep, Seed, UnlockDecoder,
            DecoderLearningRate, OnlyMidControl, Variant, ControlNet, FreezeText, KlWeight, FreezeEncoder, Recompute,
            CacheLatents, CacheText, SaveEvery, Keep, SampleEvery, Samples, SampleSteps, SampleCfgScale, Fidelity,
            ExportType, ExportLayout, WeightType, Prediction, Tokenizer, Config, MaxMemory, EstimateMemory,
        ];
        all.ToList().ForEach(command.Options.Add);
        Device.AddTo(command);
    }

    private static Option<string> Word(string name, string description, string byDefault) => new(name)
    {
        Description = description,
        HelpName = "NAME",
        DefaultValueFactory = _ => byDefault,
    };

    private static Option<T> Number<T>(string name, string description, T byDefault) => new(name)
    {
        Description = description,
        HelpName = "NUMBER",
        DefaultValueFactory = _ => byDefault,
    };

    private static Option<T> Maybe<T>(string name, string help, string description) => new(name)
    {
        Description = description,
        HelpName = help,
    };

    private static Option<bool> Flag(string name, string description) => new(name)
    {
        Description = $"{description} [default: off]",
    };
}
