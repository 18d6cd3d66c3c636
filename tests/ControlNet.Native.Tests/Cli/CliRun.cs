using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using ControlNet.Native.Tests.Support;

namespace ControlNet.Native.Tests.Cli;

/// <summary>One finished run of the built <c>controlnet</c> tool, as a shell would see it.</summary>
/// <param name="ExitCode">What it returned.</param>
/// <param name="Output">All of stdout.</param>
/// <param name="Error">Stderr but for the lines of progress, which only a slow machine gets to see.</param>
internal sealed partial record CliRun(int ExitCode, string Output, string Error)
{
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(2);

    private static readonly string s_tool = FindTool();

    /// <summary>The lines of stderr; a refusal has exactly one.</summary>
    public string[] ErrorLines =>
        Error.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>Runs the tool to its end.</summary>
    public static async Task<CliRun> Of(params string[] arguments)
    {
        using Process process = Start(arguments);
        return await Finish(process).ConfigureAwait(false);
    }

    /// <summary>Runs the tool to its end with variables added to the environment.</summary>
    public static async Task<CliRun> With(IEnumerable<(string Name, string Value)> variables, params string[] arguments)
    {
        using Process process = Start(arguments, variables);
        return await Finish(process).ConfigureAwait(false);
    }

    /// <summary>Starts the tool with both streams redirected; the caller disposes it.</summary>
    public static Process Start(
        IEnumerable<string> arguments, IEnumerable<(string Name, string Value)>? variables = null)
    {
        ProcessStartInfo start = new("dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Repository.Root,
        };
        start.ArgumentList.Add(s_tool);
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach ((string name, string value) in variables ?? [])
        {
            start.Environment[name] = value;
        }

        return Process.Start(start) ?? throw new InvalidOperationException("dotnet did not start");
    }

    /// <summary>Reads both streams to their ends and waits; a tool that hangs is ended and fails the test.</summary>
    public static async Task<CliRun> Finish(Process process)
    {
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        Task ended = process.WaitForExitAsync();
        if (await Task.WhenAny(ended, Task.Delay(s_longest)).ConfigureAwait(false) != ended)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"the tool still ran after {s_longest}");
        }

        string quiet = Progress().Replace(await error.ConfigureAwait(false), string.Empty);
        return new CliRun(process.ExitCode, await output.ConfigureAwait(false), quiet);
    }

    [GeneratedRegex(
        @"^(?:loading .+: \d+ of \d+ MiB|step \d+ of \d+, .+ left|drawn \d+ of \d+|.+: scene \d+ of \d+)\r?\n",
        RegexOptions.Multiline)]
    private static partial Regex Progress();

    /// <summary>The tool built together with these tests: same configuration if it is there, else the newest.</summary>
    private static string FindTool()
    {
        string bin = Path.Combine(Repository.Root, "tools", "ControlNet.Cli", "bin");
        string[] below = AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar)
            .Split(Path.DirectorySeparatorChar);
        string twin = Path.Combine([bin, .. below[^2..], "controlnet.dll"]);
        return File.Exists(twin) ? twin : Directory
            .EnumerateFiles(bin, "controlnet.dll", SearchOption.AllDirectories)
            .MaxBy(File.GetLastWriteTimeUtc) ?? throw new FileNotFoundException("the tool is not built", twin);
    }
}
