using System;
using System.Collections.Generic;

namespace ControlNet.Native.Weights;

/// <summary>Small tools the name translations share.</summary>
internal static class NameRules
{
    /// <summary>Replaces the first matching head of a name; null when none matches.</summary>
    /// <param name="name">For example <c>in_layers.0.weight</c>.</param>
    /// <param name="heads">Pairs of old and new heads. An old head matches whole components only.</param>
    public static string? Rename(string name, ReadOnlySpan<(string Old, string New)> heads)
    {
        foreach ((string old, string @new) in heads)
        {
            if (name.StartsWith(old, StringComparison.Ordinal) && name.Length > old.Length && name[old.Length] == '.')
            {
                return @new + name[old.Length..];
            }
        }

        return null;
    }

    /// <summary>What <see cref="Rename"/> does, the other way round.</summary>
    /// <param name="name">For example <c>norm1.weight</c>.</param>
    /// <param name="heads">Pairs of old and new heads. A new head matches whole components only.</param>
    public static string? RenameBack(string name, ReadOnlySpan<(string Old, string New)> heads)
    {
        foreach ((string old, string now) in heads)
        {
            if (name.StartsWith(now, StringComparison.Ordinal) && name.Length > now.Length && name[now.Length] == '.')
            {
                return old + name[now.Length..];
            }
        }

        return null;
    }

    /// <summary>
    /// Splits <c>7.0.rest</c> into 7 and <c>0.rest</c>; false when the name does not begin with a number.
    /// </summary>
    public static bool TrySplitIndex(string name, out int index, out string rest)
    {
        int dot = name.IndexOf('.', StringComparison.Ordinal);
        rest = dot < 0 ? string.Empty : name[(dot + 1)..];
        return int.TryParse(
            dot < 0 ? name : name[..dot], System.Globalization.NumberStyles.None,
            System.Globalization.CultureInfo.InvariantCulture, out index);
    }

    /// <summary>The indices that occur behind <paramref name="prefix"/>, ascending.</summary>
    public static IReadOnlyList<int> Indices(IEnumerable<string> names, string prefix)
    {
        SortedSet<int> found = [];
        foreach (string name in names)
        {
            if (name.StartsWith(prefix, StringComparison.Ordinal)
                && TrySplitIndex(name[prefix.Length..], out int index, out _))
            {
                found.Add(index);
            }
        }

        return [.. found];
    }
}
