using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text.RegularExpressions;

namespace ControlNet.Native.Bench.Table;

/// <summary>This machine, for the head of the table and for the folder of its results.</summary>
internal static class Machines
{
    /// <summary>Processor, count and vector width.</summary>
    public static string Describe() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Processor()}, {Environment.ProcessorCount} processors, {Vectors()}, {RuntimeInformation.OSDescription}");

    /// <summary>A folder name.</summary>
    public static string Slug()
    {
        string words = Regex.Replace(Processor(), @"\(.*?\)|CPU|Processor|@.*", " ");
        string slug = Regex.Replace(words.ToLowerInvariant(), "[^a-z0-9]+", "-").Trim('-');
        return string.Create(CultureInfo.InvariantCulture, $"{slug}-{Environment.ProcessorCount}-cores");
    }

    private static string Processor()
    {
        const string list = "/proc/cpuinfo";
        string? line = File.Exists(list)
            ? File.ReadLines(list).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))
            : null;
        return line?.Split(':')[1].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
    }

    private static string Vectors() => Avx512F.IsSupported ? "AVX-512" : Avx2.IsSupported ? "AVX2" : "128-bit vectors";
}
