using System;
using System.CommandLine;
using System.IO;
using System.Threading.Tasks;
using ControlNet.Native.Training;

namespace ControlNet.Cli;

/// <summary><c>controlnet new-model</c>: a base model that has learnt nothing.</summary>
internal static class NewModelCommand
{
    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        Option<string> template = new("--template", "-t")
        {
            Description = "Diffusers folder with configurations and tokenizer, with weights or without.",
            HelpName = "FOLDER",
            Required = true,
        };
        Option<string> output = new("--out", "-o")
        {
            Description = "The new model; must not exist or be empty.",
            HelpName = "FOLDER",
            Required = true,
        };
        Option<long> seed = new("--seed", "-s")
        {
            Description = "Seed of the first weights, 0 or more.",
            HelpName = "NUMBER",
            DefaultValueFactory = _ => 0,
        };
        Command command = new("new-model", "Make a base model with first weights, to be trained.")
        {
            template, output, seed,
        };
        command.SetAction((arguments, _) =>
        {
            string folder = arguments.GetValue(output)!;
            long number = arguments.GetValue(seed);
            if (number < 0)
            {
                throw new UsageException($"--seed is {number}, but must be from 0 to {long.MaxValue}");
            }

            string source = arguments.GetValue(template)!;
            if (!Directory.Exists(source))
            {
                throw new UsageException($"--template '{source}' is no folder");
            }

            NewModel.Create(source, folder, number);
            Console.Out.WriteLine(
            $"{Path.GetFullPath(folder)}: a new model; train it with controlnet train --part vae");
            return Task.FromResult(ExitCode.Success);
        });
        return command;
    }
}
