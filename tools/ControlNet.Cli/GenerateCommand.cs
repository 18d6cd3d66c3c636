using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ControlNet.Native;
using ControlNet.Native.Imaging;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;

namespace ControlNet.Cli;

/// <summary>
/// <c>controlnet generate</c>: one image from a prompt, with control images or without. Whatever can be refused is
/// refused before anything is loaded, and what was written is written whole.
/// </summary>
internal static class GenerateCommand
{
    private const int PixelsPerLatent = 8;

    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        GenerateOptions options = new();
        Command command = new("generate", "Generate an image from a prompt, with control images or without.");
        options.AddTo(command);
        command.SetAction((arguments, cancellation) => Task.FromResult(Run(options, arguments, cancellation)));
        return command;
    }

    private static int Run(GenerateOptions options, ParseResult arguments, CancellationToken cancellation)
    {
        string output = arguments.GetValue(options.Output)!;
        string? latentsPath = arguments.GetValue(options.SaveLatents);
        OutputPath.Check("--output", output, ".png");
        if (latentsPath is not null)
        {
            OutputPath.Check("--save-latents", latentsPath, ".safetensors");
        }

        ImageRequest request = ReadRequest(options, arguments);
        request.Validate();
        IReadOnlyList<ControlJob> controls = options.Controls.Read(arguments);
        LoadOptions loading = new()
        {
            Tokenizer = arguments.GetValue(options.Tokenizer),
            ConfigsFrom = arguments.GetValue(options.Config),
            Prediction = LoadWords.Prediction(arguments.GetValue(options.Prediction)),
            WeightStorage = LoadWords.WeightType("--weight-type", arguments.GetValue(options.WeightType)),
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
        GenerateJob job = new(model, controls, request) { Loras = loras };
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
            MemoryPlan plan = MemoryPlan.Choose(device, loading, bytes, job.Rehearse);
            loading = plan.Options;
            loaded.Add($"memory: {plan}");
        }

        GeneratedImage image = ProgressDisplay.Run(progress =>
            job.Run(device, loading, progress, loaded, cancellation));

        cancellation.ThrowIfCancellationRequested();
        if (latentsPath is not null)
        {
            new LatentsFile(image.Latents, image.Image.Height / PixelsPerLatent, image.Image.Width / PixelsPerLatent)
                .Write(latentsPath);
        }

        image.Image.Save(output, [new PngText(GeneratedImage.ParametersKey, image.Parameters)]);
        loaded.ForEach(Console.Out.WriteLine);
        Console.Out.WriteLine(Summary(output, image));
        return ExitCode.Success;
    }

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
            Prompt = arguments.GetValue(options.Prompt)!,
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
        request = options.Sampling.AddTo(request, arguments);
        return arguments.GetValue(options.InitLatents) is string path ? StartFrom(request, path) : request;
    }

    private static ImageRequest StartFrom(ImageRequest request, string path)
    {
        LatentsFile latents = LatentsFile.Read(path);
        int width = checked(latents.Columns * PixelsPerLatent), height = checked(latents.Rows * PixelsPerLatent);
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

    /// <summary>The file, then the last line of the parameters, which names seed, sampler and size.</summary>
    private static string Summary(string output, GeneratedImage image)
    {
        string settings = image.Parameters[(image.Parameters.LastIndexOf('\n') + 1)..];
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Path.GetFullPath(output)}: {settings}, {image.Elapsed.TotalSeconds:0.0} s");
    }
}
