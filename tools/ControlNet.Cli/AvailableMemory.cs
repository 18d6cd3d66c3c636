using System;
using System.Globalization;
using System.IO;
using System.Linq;

namespace ControlNet.Cli;

/// <summary>Memory that a process may still take on this machine.</summary>
internal static class AvailableMemory
{
    private const string LinuxCounters = "/proc/meminfo", Counter = "MemAvailable:";

    /// <summary>
    /// What the runtime may take, which knows limits of containers, or, where Linux says so, the less that is free.
    /// </summary>
    public static long Bytes()
    {
        long limit = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        try
        {
            string? line = File.Exists(LinuxCounters)
                ? File.ReadLines(LinuxCounters).FirstOrDefault(l => l.StartsWith(Counter, StringComparison.Ordinal))
                : null;
            return line is not null && long.TryParse(
                line[Counter.Length..].Replace("kB", "", StringComparison.Ordinal).Trim(),
                CultureInfo.InvariantCulture, out long kibibytes)
                ? Math.Min(limit, kibibytes << 10)
                : limit;
        }
        catch (IOException)
        {
            return limit;
        }
    }
}
