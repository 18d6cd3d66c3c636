using System;
using System.Globalization;

namespace ControlNet.Cli;

/// <summary>Amounts of memory as users write them: <c>6GiB</c>, <c>6G</c>, <c>6000MB</c>, <c>6442450944</c>.</summary>
internal static class MemorySize
{
    private static readonly (string Unit, long Bytes)[] s_units =
    [
        ("GIB", 1L << 30), ("MIB", 1L << 20), ("GB", 1_000_000_000), ("MB", 1_000_000), ("G", 1L << 30),
        ("M", 1L << 20), ("B", 1), (string.Empty, 1),
    ];

    /// <summary>The bytes; at least one.</summary>
    /// <exception cref="UsageException">It is no amount of memory.</exception>
    public static long Parse(string option, string text)
    {
        string upper = text.Trim().ToUpperInvariant();
        foreach ((string unit, long bytes) in s_units)
        {
            if (upper.EndsWith(unit, StringComparison.Ordinal)
                && double.TryParse(
                    upper[..^unit.Length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture,
                    out double count)
                && count * bytes is >= 1 and < long.MaxValue)
            {
                return (long)(count * bytes);
            }
        }

        throw new UsageException($"{option} is '{text}', but must be an amount of memory such as 6GiB or 6000MB");
    }
}
