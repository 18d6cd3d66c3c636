using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ControlNet.Native;
using ControlNet.Native.Imaging;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;

namespace ControlNet.Cli;

/// <summary>
/// <c>controlnet generate</c>: images from a prompt, with control images or without. Whatever can be refused is
/// refused before anything is loaded, and what was written is written whole.
/// </summary>
internal static class GenerateCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        GenerateOptions options = new();
        Command command = new("generate", "Generate an image from a prompt, with control images or without.");
        options.AddTo(command);
        command.SetAction((arguments, cancellation) => Task.FromResult(
            Run(command, options, arguments, cancellation)));
        return command;
    }

    private static int Run(
        Command command, GenerateOptions options, ParseResult arguments, CancellationToken cancellation)
    {
        string? madeOn = null;
        if (arguments.GetValue(options.FromPng) is string png)
        {
            arguments = FromPng.Expand(command, arguments, png, out madeOn);
        }

        string output = arguments.GetValue(options.Output)!;
        string? latentsPath = arguments.GetValue(options.SaveLatents);
        int count = arguments.GetValue(options.Count);
        ImageOutput files = new(output, latentsPath, count);
        PreviewFile? preview = options.Preview.Read(arguments);
        ImageRequest request = ReadRequest(options, arguments);
        request.Validate();
        PromptJob prompts = options.Prompts.ReadJob(arguments);
        IReadOnlyList<ControlJob> controls = options.Controls.Read(arguments);
        LoadOptions loading = new()
        {
            Tokenizer = arguments.GetValue(options.Tokenizer),
            ConfigsFrom = arguments.GetValue(options.Config),
            Prediction = LoadWords.Prediction(arguments.GetValue(options.Prediction)),
            WeightStorage = LoadWords.WeightType("--weight-type", arguments.GetValue(options.WeightType)),
            TileVae = LoadWords.Tiling("--tile-vae", arguments.GetValue(options.TileVae)!),
            Activations = LoadWords.Precision(arguments.GetValue(options.Precision)!),
        };
        string? budget = arguments.GetValue(options.MaxMemory);
        long? budgetBytes = budget is null ? null : MemorySize.Parse("--max-memory", budget);
        List<string> loaded = [];
        string? named = arguments.GetValue(options.Model);
        string model = BundledModel.ModelOr(named, loaded.Add);
        if (named is null)
        {
            controls = [.. controls.Select(control => control with { Net = BundledModel.Control(control.Net) })];
        }

        using LoraJobs loras = options.Loras.Read(arguments, controls.Count);
        GenerateJob job = new(model, controls, prompts, request, count, preview) { Loras = loras };
        using Device device = options.Device.Open(arguments);
        device.RequireActivations(loading.Activations);
        if (arguments.GetValue(options.EstimateMemory))
        {
            foreach (MemoryPlan way in MemoryPlan.Ways(device, loading, job.Rehearse))
            {
                Console.Out.WriteLine(way);
            }

            return ExitCode.Success;
        }

        if (budgetBytes is { } bytes)
        {
            MemoryPlan plan = MemoryAdvice.Choose(job, device, loading, bytes);
            loading = plan.Options;
            loaded.Add($"memory: {plan}");
        }

        SavedCommand? saved = arguments.GetValue(options.NoMetadata)
            ? null
            : SavedCommand.Of(GivenOptions.Of(command, arguments), device.Name);
        ProgressDisplay.Run(progress =>
        {
            foreach (GeneratedImage image in job.Run(device, loading, progress, loaded, cancellation))
            {
                cancellation.ThrowIfCancellationRequested();
                files.Write(image, TextOf(image, saved?.OfImage(request.Seed + files.Written.Count)));
            }

            return files;
        });
        loaded.ForEach(Console.Out.WriteLine);
        if (madeOn is not null && madeOn != device.Name)
        {
            Console.Out.WriteLine(
                $"the PNG was made on {madeOn}, this is {device.Name}: small differences are possible");
        }

        if (preview?.Failure is string failure)
        {
            Console.Error.WriteLine($"warning: the preview was not written: {ErrorReport.OneLine(failure)}");
        }

        files.Written.ForEach(Console.Out.WriteLine);
        return ExitCode.Success;
    }

    private static IReadOnlyList<PngText>? TextOf(GeneratedImage image, SavedCommand? saved) => saved is null
        ? null
        : [new(GeneratedImage.ParametersKey, image.Parameters), new(SavedCommand.Key, saved.Write())];

    private static ImageRequest ReadRequest(GenerateOptions options, ParseResult arguments)
    {
        long seed = arguments.GetValue(options.Seed);
        if (seed < 0)
        {
            throw new UsageException($"--seed is {seed}, but must be from 0 to {long.MaxValue}");
        }

        string? sampler = arguments.GetValue(options.Sampler), schedule = arguments.GetValue(options.Scheduler);
        ImageRequest request = new()
        {
            Prompt = string.Empty,
            NegativePrompt = arguments.GetValue(options.NegativePrompt) ?? string.Empty,
            TruncatePrompt = arguments.GetValue(options.TruncatePrompt),
            Width = arguments.GetValue(options.Width),
            Height = arguments.GetValue(options.Height),
            Steps = arguments.GetValue(options.Steps),
            GuidanceScale = arguments.GetValue(options.CfgScale),
            Sampler = sampler is null ? null : SamplerNames.Sampler(sampler),
            SigmaSchedule = schedule is null ? null : SamplerNames.Schedule(schedule),
            Seed = seed,
            NoiseGenerator = ReadNoiseGenerator(arguments.GetValue(options.Rng)!),
            Eta = arguments.GetValue(options.Eta),
            ClipSkip = arguments.GetValue(options.ClipSkip),
        };
        request = options.Prompts.Read(arguments, request, arguments.GetValue(options.Prompt));
        request = options.Sampling.AddTo(request, arguments);
        request = options.Hires.AddTo(options.Image.AddTo(request, arguments), arguments);
        return arguments.GetValue(options.InitLatents) is string path ? StartFrom(request, path) : request;
    }

    private static ImageRequest StartFrom(ImageRequest request, string path)
    {
        LatentsFile latents = LatentsFile.Read(path);
        int width = checked(latents.Columns * LatentsFile.PixelsPerLatent);
        int height = checked(latents.Rows * LatentsFile.PixelsPerLatent);
        if ((request.Width ?? width, request.Height ?? height) != (width, height))
        {
            throw new UsageException(
                $"'{path}' starts an image of {width}x{height}, but --width and --height ask for "
                + $"{request.Width ?? width}x{request.Height ?? height}; leave them out");
        }

        return request with { Width = width, Height = height, InitialLatents = latents.Values };
    }

    private static NoiseGenerator ReadNoiseGenerator(string name) => name.ToUpperInvariant() switch
    {
        "CPU" => NoiseGenerator.TorchCpu,
        "CUDA" => NoiseGenerator.TorchCuda,
        _ => throw new UsageException($"--rng is '{name}', but must be 'cpu' or 'cuda'"),
    };
}
