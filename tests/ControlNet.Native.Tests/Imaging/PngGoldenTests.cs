using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.Json;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tests.Support;
using ControlNet.Verification;
using ControlNet.Verification.Checks;
using Xunit;

namespace ControlNet.Native.Tests.Imaging;

public sealed class PngGoldenTests
{
    private const long MaxBytesPerFile = 64L << 20;

    /// <summary>No device: a picture is decoded without one.</summary>
    private static GoldenContext Context(string root) => new(root, Device: null!);

    [Theory]
    [InlineData("png/valid.json", 117)]
    [InlineData("png/valid.safetensors", 117 + 2 * 21)]
    [InlineData("png/hostile.json", 174)]
    [InlineData("png/hostile_expected.safetensors", 34)]
    public void Every_file_meets_its_expectation(string file, int count)
    {
        GoldenResult[] results = [.. new PngCheck().Run(Context(Repository.Golden()), file)];

        Assert.Empty(results.Where(r => !r.Passed).Select(r => $"{r.Case}: {r.Problem}"));
        Assert.Equal(count, results.Length);
    }

    [Fact]
    public void The_check_answers_for_all_four_files() =>
        Assert.Equal(4, new PngCheck().Files(Context(Repository.Golden())).Count());

    [Fact]
    public void A_falsified_expectation_fails()
    {
        string root = Directory.CreateTempSubdirectory("png-golden-").FullName;
        try
        {
            string png = Directory.CreateDirectory(Path.Combine(root, "png", "hostile")).Parent!.FullName;
            foreach (string name in new[] { "ok_control", "crc_idat" })
            {
                File.Copy(
                    Repository.Golden("png", "hostile", name + ".png"), Path.Combine(png, "hostile", name + ".png"));
            }

            File.WriteAllText(
                Path.Combine(png, "hostile.json"),
                """
                { "files": [
                  { "file": "hostile/ok_control.png", "verdict": "reject", "expected": "good" },
                  { "file": "hostile/crc_idat.png", "verdict": "accept", "expected": "good" } ] }
                """);
            byte[] expected = File.ReadAllBytes(Repository.Golden("png", "hostile_expected.safetensors"));
            expected[^(2 * 252)] ^= 1; // the first byte of 'good', which 'good_palette' of the same size follows
            File.WriteAllBytes(Path.Combine(png, "hostile_expected.safetensors"), expected);

            Assert.All(new PngCheck().Run(Context(root), "png/hostile.json"), r => Assert.False(r.Passed));
            Assert.All(
                new PngCheck().Run(Context(root), "png/hostile_expected.safetensors"), r => Assert.False(r.Passed));
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    [Fact]
    public void Every_hostile_file_costs_little_time_and_memory()
    {
        using JsonDocument manifest = JsonDocument.Parse(File.ReadAllBytes(Repository.Golden("png", "hostile.json")));
        Attempt(File.ReadAllBytes(Repository.Golden("png", "hostile", "ok_control.png"))); // compiles the reader
        List<string> tooMuch = [];
        foreach (JsonElement entry in manifest.RootElement.GetProperty("files").EnumerateArray())
        {
            string name = entry.GetProperty("file").GetString()!;
            byte[] file = File.ReadAllBytes(Repository.Golden(["png", .. name.Split('/')]));
            long most = entry.TryGetProperty("max_extra_memory_mb", out JsonElement mb)
                ? mb.GetInt64() << 20
                : MaxBytesPerFile;

            long before = GC.GetAllocatedBytesForCurrentThread();
            Stopwatch watch = Stopwatch.StartNew();
            Attempt(file);
            long bytes = GC.GetAllocatedBytesForCurrentThread() - before;
            if (bytes >= most || watch.ElapsedMilliseconds >= 1000)
            {
                tooMuch.Add($"{name}: {bytes} bytes, {watch.ElapsedMilliseconds} ms");
            }
        }

        Assert.Empty(tooMuch);
    }

    /// <summary>Whatever is decoded is also expanded; only the documented exception may leave.</summary>
    private static void Attempt(byte[] file)
    {
        try
        {
            _ = PngImage.Decode(file, "hostile.png").ToRgb();
        }
        catch (ImageFormatException)
        {
        }
    }
}
