using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;

namespace ControlNet.Native.Bench.Table;

/// <summary>
/// A child that times one contender. Between two requests it is stopped (SIGSTOP), so that its spinning threads take
/// nothing from whoever is timed next; on Windows it is left to fall asleep by itself.
/// </summary>
internal sealed partial class TimingProcess : IDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _errors = new();

    /// <summary>Starts the child and waits for its greeting.</summary>
    /// <param name="start">The command, with its environment.</param>
    /// <exception cref="InvalidOperationException">It ended instead; the message has its last words.</exception>
    public TimingProcess(ProcessStartInfo start)
    {
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        _process = Process.Start(start) ?? throw new InvalidOperationException($"'{start.FileName}' did not start");
        AppDomain.CurrentDomain.ProcessExit += KillAtExit;
        _process.ErrorDataReceived += (_, e) => Remember(e.Data);
        _process.BeginErrorReadLine();
        Greeting = (string)Reply()["hello"]!;
        Pause();
    }

    /// <summary>Name and versions, as the child gives them.</summary>
    public string Greeting { get; }

    /// <summary>The most memory the child ever held, in bytes; 0 where the system does not tell.</summary>
    public long PeakBytes => Resident.PeakOf(_process.Id);

    /// <summary>Makes inputs and weights and runs once.</summary>
    /// <param name="spec">The case.</param>
    /// <param name="slot">Where the call is kept.</param>
    public JsonObject Make(JsonObject spec, int slot) =>
        Ask(new JsonObject { ["make"] = spec.DeepClone(), ["slot"] = slot });

    /// <summary>
    /// Runs a call <paramref name="warm"/> times, then times it until a limit is reached, once at least.
    /// </summary>
    public IEnumerable<double> Time(int slot, int warm, int calls, double seconds) =>
        Ask(new JsonObject
        {
            ["time"] = new JsonObject { ["slot"] = slot, ["warm"] = warm, ["calls"] = calls, ["seconds"] = seconds },
        })["seconds"]!.AsArray().Select(value => (double)value!);

    /// <summary>Frees every call.</summary>
    public void Drop() => Ask(new JsonObject { ["drop"] = new JsonObject() });

    /// <inheritdoc/>
    public void Dispose()
    {
        AppDomain.CurrentDomain.ProcessExit -= KillAtExit;
        Kill();
        _process.Dispose();
    }

    private JsonObject Ask(JsonObject request)
    {
        Signal(OperatingSystem.IsMacOS() ? 19 : 18);
        _process.StandardInput.WriteLine(request.ToJsonString());
        _process.StandardInput.Flush();
        JsonObject reply = Reply();
        Pause();
        return reply["error"] is { } error ? throw new InvalidOperationException((string)error!) : reply;
    }

    private JsonObject Reply()
    {
        string? line = _process.StandardOutput.ReadLine();
        if (line is null)
        {
            _process.WaitForExit();
            lock (_errors)
            {
                string words = _errors.Length == 0 ? "no message" : _errors.ToString().TrimEnd().Split('\n')[^1];
                throw new InvalidOperationException($"the process ended with code {_process.ExitCode}: {words}");
            }
        }

        return (JsonObject)JsonNode.Parse(line)!;
    }

    private void Pause() => Signal(OperatingSystem.IsMacOS() ? 17 : 19);

    private void Signal(int signal)
    {
        if (!OperatingSystem.IsWindows())
        {
            _ = SendSignal(_process.Id, signal);
        }
    }

    private void Remember(string? line)
    {
        lock (_errors)
        {
            _errors.Append(line).Append(line is null ? "" : "\n");
        }
    }

    private void KillAtExit(object? sender, EventArgs e) => Kill();

    private void Kill()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        _process.WaitForExit();
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int process, int signal);
}
