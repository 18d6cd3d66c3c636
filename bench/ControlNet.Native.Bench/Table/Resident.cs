using System;
using System.Globalization;
using System.IO;
using System.Linq;

namespace ControlNet.Native.Bench.Table;

/// <summary>Resident memory of a process in bytes, as Linux tells it; 0 where there is no such thing.</summary>
internal static class Resident
{
    /// <summary>Resets the peak of this process to what is resident now, and returns that.</summary>
    public static long Reset()
    {
        GC.Collect();
        try
        {
            File.WriteAllText("/proc/self/clear_refs", "5");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Peak();
        }

        return Field("self", "VmRSS");
    }

    /// <summary>The peak of this process since <see cref="Reset"/>, or since it began.</summary>
    public static long Peak() => Field("self", "VmHWM");

    /// <summary>The peak of another process so far; 0 when it has gone.</summary>
    public static long PeakOf(int process) => Field(process.ToString(CultureInfo.InvariantCulture), "VmHWM");

    private static long Field(string process, string name)
    {
        try
        {
            string? line = File.ReadLines($"/proc/{process}/status").FirstOrDefault(
                line => line.StartsWith(name, StringComparison.Ordinal));
            return line is null
                ? 0
                : 1024 * long.Parse(line.Split(':')[1].Replace("kB", "", StringComparison.Ordinal).Trim(),
                    CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0;
        }
    }
}
