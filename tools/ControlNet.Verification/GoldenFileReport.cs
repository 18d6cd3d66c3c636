using System;
using System.Collections.Generic;
using System.Linq;

namespace ControlNet.Verification;

/// <summary>What all checks together found in one golden file.</summary>
public sealed class GoldenFileReport
{
    /// <summary>Sums up the comparisons made in a file.</summary>
    /// <param name="file">Relative path with forward slashes.</param>
    /// <param name="results">Every comparison, in the order made.</param>
    /// <param name="notCovered">Parts of the file that no comparison touches, in words.</param>
    /// <param name="elapsedMs">Wall-clock time of the checks, in milliseconds.</param>
    public GoldenFileReport(
        string file, IReadOnlyList<GoldenResult> results, IReadOnlyList<string> notCovered, double elapsedMs)
    {
        File = file;
        Compared = results.Count;
        Cases = results.Select(result => CaseOf(result.Case)).Distinct(StringComparer.Ordinal).Count();
        Failures = [.. results.Where(result => !result.Passed)];
        // The first of the worst, so that an all-exact file names its first case.
        Worst = results.Count == 0 ? null : results.MaxBy(RatioToLimit);
        NotCovered = notCovered;
        ElapsedMs = elapsedMs;
    }

    /// <summary>Relative path with forward slashes.</summary>
    public string File { get; }

    /// <summary>Distinct cases: the part of <see cref="GoldenResult.Case"/> before its last slash.</summary>
    public int Cases { get; }

    /// <summary>Comparisons made; one tensor, one list of ids or one verdict each.</summary>
    public int Compared { get; }

    /// <summary>Comparisons beyond their limit, in the order made.</summary>
    public IReadOnlyList<GoldenResult> Failures { get; }

    /// <summary>The comparison nearest to or furthest beyond its limit; null when none was made.</summary>
    public GoldenResult? Worst { get; }

    /// <summary>Parts of the file that are not compared, in words.</summary>
    public IReadOnlyList<string> NotCovered { get; }

    /// <summary>Wall-clock time of the checks, in milliseconds.</summary>
    public double ElapsedMs { get; }

    /// <summary>No comparison failed. True as well where none was made: look at <see cref="Compared"/>.</summary>
    public bool Passed => Failures.Count == 0;

    /// <summary>
    /// Error over limit: 1 is the limit itself; infinite for a NaN, a problem or a broken exact match.
    /// </summary>
    public static double RatioToLimit(GoldenResult result)
    {
        if (result.Problem is not null || double.IsNaN(result.Error))
        {
            return double.PositiveInfinity;
        }

        return result.Error == 0 ? 0 : result.Error / result.Limit;
    }

    private static string CaseOf(string name)
    {
        int slash = name.LastIndexOf('/');
        return slash < 0 ? name : name[..slash];
    }
}
