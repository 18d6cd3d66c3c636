using System;
using System.Text.RegularExpressions;

namespace ControlNet.Native.Tests.Support;

/// <summary>Sentences with a part that differs from machine to machine.</summary>
internal static class Wildcard
{
    /// <summary>
    /// A regular expression for the whole of <paramref name="text"/>, in which <c>*</c> stands for anything.
    /// </summary>
    public static string Pattern(string text) =>
        $"^{Regex.Escape(text).Replace("\\*", ".*", StringComparison.Ordinal)}$";
}
