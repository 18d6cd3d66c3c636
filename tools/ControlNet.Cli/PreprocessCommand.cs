using System;
using System.CommandLine;
using System.Linq;
using System.Threading.Tasks;

namespace ControlNet.Cli;

/// <summary><c>controlnet preprocess KIND INPUT OUTPUT</c>: makes a hint for a ControlNet of a picture.</summary>
internal static class PreprocessCommand
{
    /// <summary>Builds the command, with a command below it for each kind.</summary>
    public static Command Create()
    {
        Option<bool> list = new("--list") { Description = "Print what there is, a line each. [default: off]" };
        Command command = new("preprocess", "Make a hint for a ControlNet of a picture, a depth map or keypoints.")
        {
            list,
        };
        foreach (Command kind in PreprocessPictures.All().Concat(PreprocessOthers.All()))
        {
            command.Add(kind);
        }

        command.SetAction((arguments, _) =>
        {
            if (!arguments.GetValue(list))
            {
                throw new UsageException(
                    "no kind given; controlnet preprocess --list prints all, for example controlnet preprocess canny " +
                    "INPUT OUTPUT");
            }

            int longest = command.Subcommands.Max(kind => kind.Name.Length);
            foreach (Command kind in command.Subcommands)
            {
                Console.Out.WriteLine($"{kind.Name.PadRight(longest)}  {kind.Description}");
            }

            return Task.FromResult(ExitCode.Success);
        });
        return command;
    }
}
