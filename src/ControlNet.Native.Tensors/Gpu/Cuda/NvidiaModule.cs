using System;
using System.IO;
using System.Linq;

namespace ControlNet.Native.Tensors.Gpu.Cuda;

/// <summary>
/// The version of NVIDIA's driver, as Linux tells it. The driver itself tells the version of its CUDA interface only,
/// which many releases share.
/// </summary>
internal static class NvidiaModule
{
    private const string VersionFile = "/proc/driver/nvidia/version";

    /// <summary>For example <c>550.54.14</c>; null where there is no such file.</summary>
    public static string? Version()
    {
        try
        {
            return File.Exists(VersionFile) ? VersionIn(File.ReadAllText(VersionFile)) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The first word of the first line that is digits and dots; null when there is none.</summary>
    internal static string? VersionIn(string text) => text.Split('\n')[0].Split(' ').FirstOrDefault(
        word => word.Contains('.', StringComparison.Ordinal) && word.All(c => char.IsAsciiDigit(c) || c == '.'));
}
