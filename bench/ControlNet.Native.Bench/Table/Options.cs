using System;
using System.Globalization;

namespace ControlNet.Native.Bench.Table;

/// <summary>Reads <c>--name value</c> from a command line.</summary>
internal static class Options
{
    /// <summary>The value after a name, or null.</summary>
    public static string? Text(string[] arguments, string name)
    {
        int at = Array.IndexOf(arguments, name);
        return at >= 0 && at + 1 < arguments.Length ? arguments[at + 1] : null;
    }

    /// <summary>The whole number after a name.</summary>
    public static int Number(string[] arguments, string name, int otherwise) =>
        Text(arguments, name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;

    /// <summary>The number after a name.</summary>
    public static double Real(string[] arguments, string name, double otherwise) =>
        Text(arguments, name) is { } text ? double.Parse(text, CultureInfo.InvariantCulture) : otherwise;

    /// <summary>Whether a name is there.</summary>
    public static bool Has(string[] arguments, string name) => Array.IndexOf(arguments, name) >= 0;

    /// <summary>Refuses a word that is no option: a run of minutes must not begin over a typing error.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="switches">Names that stand alone.</param>
    /// <param name="values">Names that a value follows.</param>
    /// <exception cref="ArgumentException">There is one; the message lists what is known.</exception>
    public static void RefuseUnknown(string[] arguments, string[] switches, string[] values)
    {
        for (int i = 0; i < arguments.Length; i++)
        {
            if (Array.IndexOf(values, arguments[i]) >= 0)
            {
                i++;
            }
            else if (Array.IndexOf(switches, arguments[i]) < 0)
            {
                throw new ArgumentException(
                    $"'{arguments[i]}' is no option; there are {string.Join(", ", switches)}, and with a value " +
                    $"{string.Join(", ", values)}");
            }
        }
    }
}
