using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using ControlNet.Native.Imaging;

namespace ControlNet.Native.Bench.Table;

/// <summary>
/// Whole processes: <c>controlnet generate</c> from start to exit beside the same loop in PyTorch, and the peak memory
/// of ours as the system counts it.
/// </summary>
internal sealed class WholeRuns(TableOptions options)
{
    private const int PollMs = 20;
    private const long MiB = 1 << 20;

    /// <summary>Runs what is asked for; each line is a row of the second table.</summary>
    public IEnumerable<WholeResult> All()
    {
        if (options.Model is null || options.Control is null || options.Tokenizer is null)
        {
            yield break;
        }

        string folder = Directory.CreateTempSubdirectory("controlnet-table-").FullName;
        try
        {
            string hint = Path.Combine(folder, "hint.png");
            Hint().Save(hint);
            string name = string.Create(
                CultureInfo.InvariantCulture,
                $"generate {options.Size}x{options.Size}, {options.Steps} steps, ControlNet");
            bool timed = options.Wants("generate");
            Finished ours = Run(Generate(options.Model, options.Control, hint, folder, timed ? options.Steps : 1));
            if (timed)
            {
                Finished theirs = RunTorch(folder);
                yield return new WholeResult(
                    $"{name}, load included, against torch tuned", ours.Error ?? theirs.Error, ours.Seconds,
                    theirs.Seconds, "s", theirs.Seconds / ours.Seconds, 2.4, AtLeast: true);
            }

            if (!options.Wants("memory"))
            {
                yield break;
            }

            yield return Memory("peak memory of generate, F32", ours, 11 * 1024);
            if (options.HalfModel is not null && options.HalfControl is not null)
            {
                yield return Memory(
                    "peak memory of generate, F16",
                    Run(Generate(options.HalfModel, options.HalfControl, hint, folder, steps: 1)), 5 * 1024);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>What a decode takes beyond the weights.</summary>
    public static WholeResult DecodeMemory(TableOptions options, Contenders contenders)
    {
        Row row = NetworkRows.All(options.Model!, options.Control, options.Size).First(row => row.Group == "decode");
        contenders.EndOthers([]);
        long bytes = (long)contenders.Get(Contender.Ours).Make(row.Spec, 0)["workingBytes"]!;
        return new WholeResult(
            $"{row.Name}, memory beyond the weights", null, bytes / (double)MiB, null, "MiB", null, 700,
            AtLeast: false);
    }

    private static WholeResult Memory(string name, Finished run, double barMiB) =>
        new(name, run.Error, run.PeakBytes / (double)MiB, null, "MiB", null, barMiB, AtLeast: false);

    private ProcessStartInfo Generate(string model, string control, string hint, string folder, int steps)
    {
        string program = Path.Combine(
            options.Root, "tools", "ControlNet.Cli", "bin", "Release", "net10.0", "controlnet.dll");
        string size = options.Size.ToString(CultureInfo.InvariantCulture);
        return new ProcessStartInfo(
            "dotnet",
            [
                program, "generate", "--model", model, "--control-net", control, "--control-image", hint, "--prompt",
                "a lighthouse at sunset, oil painting", "--negative-prompt", "blurry, low quality", "--sampler", "ddim",
                "--width", size, "--height", size, "--steps", steps.ToString(CultureInfo.InvariantCulture),
                "--tokenizer", options.Tokenizer!, "--threads", options.Threads.ToString(CultureInfo.InvariantCulture),
                "--output", Path.Combine(folder, "ours.png"),
            ]);
    }

    private Finished RunTorch(string folder) => Run(Contenders.Python(
        options, "torch_generate.py", tuned: true, options.Model!, options.Control!, Path.Combine(folder, "peer.ppm"),
        "--size", options.Size.ToString(CultureInfo.InvariantCulture), "--steps",
        options.Steps.ToString(CultureInfo.InvariantCulture), "--threads",
        options.Threads.ToString(CultureInfo.InvariantCulture), "--tuned"));

    /// <summary>Circles, as an edge detector would leave them.</summary>
    private RgbImage Hint()
    {
        int size = options.Size;
        byte[] pixels = new byte[size * size * 3];
        for (int i = 0; i < size * size; i++)
        {
            double radius = Math.Sqrt(Math.Pow((i % size) - (size / 2), 2) + Math.Pow((i / size) - (size / 2), 2));
            pixels.AsSpan(3 * i, 3).Fill((int)radius % 40 < 2 ? (byte)255 : (byte)0);
        }

        return new RgbImage(size, size, pixels);
    }

    private static Finished Run(ProcessStartInfo start)
    {
        start.RedirectStandardError = start.RedirectStandardOutput = true;
        long begin = Stopwatch.GetTimestamp();
        using Process process = Process.Start(start)!;
        List<string> errors = [];
        process.ErrorDataReceived += (_, e) =>
        {
            if (e.Data is not null)
            {
                errors.Add(e.Data);
            }
        };
        process.OutputDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        long peak = 0;
        while (!process.WaitForExit(PollMs))
        {
            peak = Math.Max(peak, Resident.PeakOf(process.Id));
        }

        double seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        process.WaitForExit();
        return new Finished(seconds, peak, process.ExitCode == 0 ? null : string.Join(' ', errors.TakeLast(2)));
    }

    private sealed record Finished(double Seconds, long PeakBytes, string? Error);
}
