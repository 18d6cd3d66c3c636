using System;
using System.Collections.Generic;
using System.IO;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Training;

/// <summary>Opens runs so that a refusal leaves nothing loaded.</summary>
internal static class TrainerFactory
{
    public static Trainer Open(
        Func<TrainingTask> load, TrainingOptions options, TrainingFolder data, string folder, LoadOptions loading,
        bool resume, StoreDisk? disk = null)
    {
        TrainingTask task = load();
        try
        {
            return new Trainer(task, options, data, folder, Fingerprint(options, data, loading), resume, disk);
        }
        catch
        {
            task.Dispose();
            throw;
        }
    }

    /// <summary>Refuses what could be exported only at the end of the run, and then not.</summary>
    /// <exception cref="TrainingOptionsException">
    /// The base is no folder, or the run is to lie inside it, where it would be copied into itself.
    /// </exception>
    public static void RequireCopyable(string baseModel, string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(baseModel);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (File.Exists(baseModel))
        {
            throw new TrainingOptionsException(
                $"{baseModel}: a base model is trained from and to a folder in diffusers' layout, not a single file; " +
                "convert it first");
        }

        string outer = Path.TrimEndingDirectorySeparator(Path.GetFullPath(baseModel)) + Path.DirectorySeparatorChar;
        string inner = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)) + Path.DirectorySeparatorChar;
        if (inner.StartsWith(outer, StringComparison.Ordinal))
        {
            throw new TrainingOptionsException(
                $"{folder} lies in the base model {baseModel}, which is copied into it; choose another folder");
        }
    }

    /// <summary>Everything that decides what the weights become.</summary>
    private static IEnumerable<string> Fingerprint(TrainingOptions options, TrainingFolder data, LoadOptions loading) =>
    [
        .. options.Fingerprint(), $"{data.Count} samples", $"fit {data.Options.Fit}",
        data.Options.Hint is { } hint ? $"hint {hint}" : "",
        loading.WeightStorage is { } storage ? $"frozen as {storage.Name()}" : "",
        loading.Prediction is { } prediction ? $"predicts {prediction}" : "",
    ];
}
