using System;
using System.CommandLine;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using ControlNet.Native.Tensors;
using ControlNet.Native.Training;

namespace ControlNet.Cli;

/// <summary>
/// <c>controlnet train</c>: trains a ControlNet or a part of a base model. What can be refused is refused before the
/// first step, memory included; an interrupt saves a checkpoint.
/// </summary>
internal static class TrainCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        TrainOptions options = new();
        Command command = new("train", "Train a ControlNet, or a part of a base model.");
        options.AddTo(command);
        command.SetAction((arguments, cancellation) => Task.FromResult(Run(options, arguments, cancellation)));
        return command;
    }

    private static int Run(TrainOptions options, ParseResult arguments, CancellationToken cancellation)
    {
        TrainJob job = TrainJob.Read(options, arguments);
        string? budget = arguments.GetValue(options.MaxMemory);
        long? budgetBytes = budget is null ? null : MemorySize.Parse("--max-memory", budget);
        TrainingFolder data = TrainingFolder.Open(
            arguments.GetValue(options.Data)!, job.DataOptions(options, arguments));
        using Device device = options.Device.Open(arguments);
        TrainingMemory memory = job.Estimate(data, device);
        Console.Out.WriteLine($"memory: {memory}");
        if (arguments.GetValue(options.EstimateMemory))
        {
            return ExitCode.Success;
        }

        memory.Require(budgetBytes ?? AvailableMemory.Bytes(device), job.Settings);
        using Trainer trainer = job.Open(data, device, arguments.GetValue(options.Resume));
        foreach (string message in trainer.Messages)
        {
            Console.Out.WriteLine(message);
        }

        Console.Out.WriteLine(
            $"{trainer.TrainedParameterCount} weights, {data.Count} samples, from step {trainer.Step} to " +
            $"{job.Settings.Steps}");
        try
        {
            TrainingDisplay.Run(display => trainer.Run(display, cancellation));
        }
        catch (OperationCanceledException)
        {
            Console.Out.WriteLine($"stopped after step {trainer.Step}, which is saved; go on with --resume");
            throw;
        }

        Console.Out.WriteLine(
            $"{Path.GetFullPath(Path.Combine(trainer.Folder, "final"))}: step {trainer.Step}, at most " +
            $"{ProgressText.Bytes(device.PeakBytes)} of memory");
        Console.Out.WriteLine($"use it: {job.Use()}");
        return ExitCode.Success;
    }
}
