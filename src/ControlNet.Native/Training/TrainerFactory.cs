using System;

namespace ControlNet.Native.Training;

/// <summary>Opens runs so that a refusal leaves nothing loaded.</summary>
internal static class TrainerFactory
{
    public static Trainer Open(
        Func<TrainingTask> load, TrainingOptions options, TrainingFolder data, string folder, bool resume)
    {
        TrainingTask task = load();
        try
        {
            return new Trainer(task, options, data, folder, resume);
        }
        catch
        {
            task.Dispose();
            throw;
        }
    }
}
