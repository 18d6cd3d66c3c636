using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using ControlNet.Datasets;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Training;
using Xunit;

namespace ControlNet.Native.Tests.Training;

/// <summary>A small drawn training set, and runs on it with the golden folder's tiny model.</summary>
internal sealed partial class TrainingSandbox : IDisposable
{
    public const int Size = 32;

    private readonly ScratchFolder _folder = new();

    public TrainingSandbox()
    {
        DatasetWriter.Write(new Shapes(3, Size), 6, Set);
    }

    public static string Base => Repository.Golden("models", "sd1-tiny");

    public Device Device { get; } = Devices.Cpu(2);

    public string Set => _folder.Path("set");

    /// <summary>Options that learn fast, save every other step, and show nothing.</summary>
    public static ControlNetTrainingOptions Net { get; } =
        (ControlNetTrainingOptions)Quick(new ControlNetTrainingOptions());

    public static DenoiserTrainingOptions Unet { get; } = (DenoiserTrainingOptions)Quick(new DenoiserTrainingOptions());

    public static AutoencoderTrainingOptions Vae { get; } =
        (AutoencoderTrainingOptions)Quick(new AutoencoderTrainingOptions());

    public string Path(string name) => _folder.Path(name);

    public TrainingFolder Data(bool hints) =>
        TrainingFolder.Open(Set, new() { NeedsHints = hints, Hint = hints ? "edges" : null });

    public Trainer Open(TrainingOptions options, string run, bool resume = false, Device? device = null)
    {
        device ??= Device;
        TrainingFolder data = Data(options is ControlNetTrainingOptions);
        return options switch
        {
            ControlNetTrainingOptions net =>
                ControlNetTrainer.Open(Base, data, Path(run), device, net, resume: resume),
            DenoiserTrainingOptions unet =>
                BaseTrainer.OpenDenoiser(Base, data, Path(run), device, unet, resume: resume),
            AutoencoderTrainingOptions vae =>
                BaseTrainer.OpenAutoencoder(Base, data, Path(run), device, vae, resume: resume),
            _ => throw new ArgumentException("unknown options", nameof(options)),
        };
    }

    /// <summary>Opens a run, trains it to its end and closes it.</summary>
    public void Train(TrainingOptions options, string run, bool resume = false, Device? device = null)
    {
        using Trainer trainer = Open(options, run, resume, device);
        trainer.Run();
    }

    /// <summary>
    /// Every byte a run leaves of its newest checkpoint, export and metrics, the metrics without their timing.
    /// </summary>
    public Dictionary<string, string> Left(string run)
    {
        string root = Path(run);
        string newest = Directory.GetDirectories(System.IO.Path.Combine(root, "checkpoints")).Max()!;
        Dictionary<string, string> left = new()
        {
            ["metrics"] = Timing().Replace(File.ReadAllText(System.IO.Path.Combine(root, "metrics.jsonl")), ""),
        };
        string final = System.IO.Path.Combine(root, "final");
        string[] exported = Directory.Exists(final)
            ? Directory.GetFiles(final, "*.safetensors", SearchOption.AllDirectories)
            : [];
        foreach (string file in Directory.GetFiles(newest).Concat(exported))
        {
            left[System.IO.Path.GetRelativePath(root, file)] = Convert.ToBase64String(File.ReadAllBytes(file));
        }

        return left;
    }

    /// <summary>Asserts that two runs left the same.</summary>
    public void AssertSame(string one, string other)
    {
        Dictionary<string, string> expected = Left(one), found = Left(other);
        Assert.Equal(expected.Keys.Order(), found.Keys.Order());
        Assert.DoesNotContain(expected.Keys, name => expected[name] != found[name]);
    }

    public void Dispose()
    {
        Device.Dispose();
        _folder.Dispose();
    }

    private static TrainingOptions Quick(TrainingOptions options) => options with
    {
        Steps = 5,
        BatchSize = 2,
        Width = Size,
        Height = Size,
        SaveEvery = 2,
        PreviewEvery = 0,
        PreviewCount = 1,
        PreviewSteps = 2,
        Schedule = new LearningRateSchedule { BaseRate = 1e-3 },
    };

    [GeneratedRegex("\"images_per_second\":[^,}]*")]
    private static partial Regex Timing();
}
