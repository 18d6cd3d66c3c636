using System;
using System.IO;

namespace ControlNet.Native.Tests.Support;

/// <summary>
/// Where things lie in the checkout. Walks up to the solution; [CallerFilePath] would break under deterministic
/// builds, which rewrite it to /_/.
/// </summary>
internal static class Repository
{
    /// <summary>The folder of <c>ControlNet.Native.sln</c>.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>A file or folder of the golden data, for example <c>Golden("png", "valid.json")</c>.</summary>
    public static string Golden(params ReadOnlySpan<string> parts) =>
        Path.Combine([Root, "tests", "Golden", .. parts]);

    private static string FindRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "ControlNet.Native.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException("no ControlNet.Native.sln above the test assembly");
    }
}
