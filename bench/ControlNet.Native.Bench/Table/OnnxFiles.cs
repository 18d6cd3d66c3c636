using System;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Text.Json.Nodes;

namespace ControlNet.Native.Bench.Table;

/// <summary>ONNX files in the cache folder, exported from PyTorch when they are not there.</summary>
internal sealed class OnnxFiles(TableOptions options)
{
    /// <summary>The file of a network.</summary>
    /// <param name="spec">The case.</param>
    /// <exception cref="InvalidOperationException">The export failed; the message has its last line.</exception>
    public string Get(JsonObject spec)
    {
        string part = (string)spec["part"]!, model = (string)spec["model"]!;
        string source = part == "control" ? (string)spec["control"]! : model;
        string size = ((int)spec["size"]!).ToString(CultureInfo.InvariantCulture);
        string batch = ((int)spec["batch"]!).ToString(CultureInfo.InvariantCulture);
        long stamp = File.GetLastWriteTimeUtc(source).Ticks;
        string stem = Path.GetFileNameWithoutExtension(source);
        string name = string.Create(CultureInfo.InvariantCulture, $"{part}-{size}-b{batch}-{stem}-{stamp:x}");
        string folder = Path.Combine(options.CacheFolder, "onnx", name);
        string file = Path.Combine(folder, "model.onnx");
        if (File.Exists(file))
        {
            return file;
        }

        string unfinished = folder + ".unfinished";
        if (Directory.Exists(unfinished))
        {
            Directory.Delete(unfinished, recursive: true);
        }

        Directory.CreateDirectory(unfinished);
        Console.Error.WriteLine($"  exporting {name} to ONNX");
        ProcessStartInfo start = Contenders.Python(
            options, "onnx_export.py", tuned: false, part, Path.Combine(unfinished, "model.onnx"), "--model", model,
            "--size", size, "--batch", batch);
        if (spec["control"] is { } control)
        {
            start.ArgumentList.Add("--control");
            start.ArgumentList.Add((string)control!);
        }

        start.RedirectStandardError = start.RedirectStandardOutput = true;
        using Process process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        string errors = process.StandardError.ReadToEnd().TrimEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"the export to ONNX failed: {errors.Split('\n')[^1]}");
        }

        Directory.Move(unfinished, folder);
        return file;
    }
}
