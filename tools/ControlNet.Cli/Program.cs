using System;
using System.CommandLine;
using System.CommandLine.Invocation;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace ControlNet.Cli;

/// <summary>Entry point: parses, runs one command, and turns every way it can end into an exit code.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] arguments)
    {
        Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        Option<bool> verbose = new("--verbose")
        {
            Description = "Print the trace of an error. [default: off]",
            Recursive = true,
        };
        RootCommand root = new("Stable Diffusion and ControlNet in C#, without native libraries.")
        {
            verbose,
            GenerateCommand.Create(),
            InfoCommand.Create(),
            ConvertCommand.Create(),
            DevicesCommand.Create(),
            VerifyCommand.Create(),
            DatasetCommand.Create(),
            EvaluateCommand.Create(),
            TrainCommand.Create(),
            NewModelCommand.Create(),
            PreprocessCommand.Create(),
        };
        ParseResult parsed = root.Parse(arguments);
        if (parsed.Action is ParseErrorAction)
        {
            Console.Error.WriteLine($"error: {ErrorReport.OneLine(UsageMessage.Of(parsed))}");
            return ExitCode.BadInput;
        }

        using CancellationTokenSource cancellation = new();
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Cancel);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Cancel);
        try
        {
            // Signals are ours (above): the parser's own handler would leave without waiting for files to be removed.
            return await parsed.InvokeAsync(
                new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null },
                cancellation.Token).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            return ErrorReport.Write(Console.Error, e, parsed.GetValue(verbose));
        }

        // The second signal is left to the runtime, which ends the process at once.
        void Cancel(PosixSignalContext signal)
        {
            signal.Cancel = !cancellation.IsCancellationRequested;
            cancellation.Cancel();
        }
    }
}
