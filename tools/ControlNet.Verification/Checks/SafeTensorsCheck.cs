using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Text.Json;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Verification.Checks;

/// <summary>
/// Opens every file of <c>safetensors/</c> and compares the verdict, the contents of what is accepted, the time
/// (100 ms a file) and the memory (16 MiB a file).
/// </summary>
public sealed class SafeTensorsCheck : GoldenCheck
{
    private const double LimitMs = 100;
    private const long LimitBytes = 16L << 20;

    /// <inheritdoc/>
    public override IEnumerable<string> Files(GoldenContext context) => ["safetensors/manifest.json"];

    /// <inheritdoc/>
    public override IEnumerable<GoldenResult> Run(GoldenContext context, string file)
    {
        JsonElement[] entries = [.. context.Json(file).GetProperty("files").EnumerateArray()];

        // The first file pays for compiling the reader.
        _ = Judge(context, entries[0]);
        return entries.Select(entry => Judge(context, entry));
    }

    private static GoldenResult Judge(GoldenContext context, JsonElement entry)
    {
        string name = entry.GetProperty("file").GetString()!;
        string path = context.Path(["safetensors", .. name.Split('/')]);
        GoldenResult result = new(name, 0, 0);

        // A busy machine can stop a thread for longer than the limit; a slow reader is slow every time.
        for (int attempt = 0; attempt < 3; attempt++)
        {
            long bytes = GC.GetAllocatedBytesForCurrentThread();
            Stopwatch watch = Stopwatch.StartNew();
            string? problem = Compare(path, entry);
            double ms = watch.Elapsed.TotalMilliseconds;
            bytes = GC.GetAllocatedBytesForCurrentThread() - bytes;
            problem ??= bytes > LimitBytes ? $"allocated {bytes} bytes, the limit is {LimitBytes}" : null;
            result = new GoldenResult(name, ms, LimitMs, problem);
            if (result.Passed || problem is not null)
            {
                break;
            }
        }

        return result;
    }

    private static string? Compare(string path, JsonElement entry)
    {
        string verdict = entry.GetProperty("verdict").GetString()!;
        if (verdict == "either")
        {
            verdict = entry.GetProperty("recommended").GetString()!.Split(' ')[0];
        }

        try
        {
            using SafeTensorsFile file = SafeTensorsFile.Open(path);
            return verdict == "reject" ? "was accepted, must be rejected" : CompareContents(file, entry);
        }
        catch (EngineException e)
        {
            return e is not SafeTensorsException ? $"was rejected with {e.GetType().Name}"
                : verdict == "accept" ? $"was rejected: {e.Message}"
                : e.Message.Length > 1024 || e.Message.Any(char.IsControl) ? "was rejected with an unreadable message"
                : null;
        }
    }

    private static string? CompareContents(SafeTensorsFile file, JsonElement entry)
    {
        foreach (SafeTensorsEntry tensor in file.Entries.Values)
        {
            _ = file.ReadAll(tensor.Name);
        }

        if (!entry.TryGetProperty("tensors", out JsonElement tensors))
        {
            return null;
        }

        if (tensors.GetArrayLength() != file.Entries.Count)
        {
            return $"has {file.Entries.Count} tensors, {tensors.GetArrayLength()} are expected";
        }

        foreach (JsonElement expected in tensors.EnumerateArray())
        {
            string name = expected.GetProperty("name").GetString()!;
            if (!file.Entries.TryGetValue(name, out SafeTensorsEntry? actual))
            {
                return $"lacks a tensor of {name.Length} characters";
            }

            bool same = actual.DType == expected.GetProperty("dtype").GetString()
                && actual.Shape.SequenceEqual(expected.GetProperty("shape").EnumerateArray().Select(e => e.GetInt64()))
                && Convert.ToHexStringLower(file.ReadAll(name)) == expected.GetProperty("hex").GetString();
            if (!same)
            {
                return $"tensor {actual.DType} {actual.ShapeText} differs from what is expected";
            }
        }

        return !entry.TryGetProperty("metadata", out JsonElement metadata)
            || metadata.EnumerateObject().All(pair =>
                file.Metadata.TryGetValue(pair.Name, out string? value) && value == pair.Value.GetString())
            ? null : "metadata differs";
    }
}
