using System;
using System.Globalization;
using System.IO;
using System.Linq;
using ControlNet.Native.Tensors;

namespace ControlNet.Cli;

/// <summary>Memory that a process may still take.</summary>
internal static class AvailableMemory
{
    private const string LinuxCounters = "/proc/meminfo", Counter = "MemAvailable:";

    /// <summary>Of a GPU all it has; of the CPU what the machine has left.</summary>
    public static long Bytes(Device device) =>
        Devices.Enumerate().FirstOrDefault(info => info.Name == device.Name && info.IsGpu) is { } gpu
            ? gpu.MemoryBytes
            : Bytes();

    /// <summary>
    /// What the runtime may take, which knows limits of containers, or, where Linux says so, the less that is free.
    /// </summary>
    private static long Bytes()
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
