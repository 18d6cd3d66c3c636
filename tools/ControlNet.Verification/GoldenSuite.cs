using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;

namespace ControlNet.Verification;

/// <summary>Runs the registered checks over a golden folder, file by file, and says what no check looks at.</summary>
public sealed class GoldenSuite
{
    private readonly GoldenContext _context;
    private readonly Dictionary<string, List<GoldenCheck>> _checksOf = new(StringComparer.Ordinal);

    /// <summary>Sorts the folder's files to their checks. Computes nothing yet.</summary>
    /// <param name="context">The folder and the device under test.</param>
    /// <param name="checks">Usually <see cref="GoldenChecks.All"/>.</param>
    /// <param name="filter">
    /// Keeps the files whose relative path contains this text, whatever its case; null keeps all.
    /// </param>
    /// <exception cref="System.IO.DirectoryNotFoundException">The folder does not exist.</exception>
    public GoldenSuite(GoldenContext context, IReadOnlyList<GoldenCheck> checks, string? filter = null)
    {
        ArgumentNullException.ThrowIfNull(checks);
        _context = context;
        GoldenFolder folder = new(context.Root);
        foreach (GoldenCheck check in checks)
        {
            foreach (string file in check.Files(context).Distinct(StringComparer.Ordinal))
            {
                if (!_checksOf.TryGetValue(file, out List<GoldenCheck>? list))
                {
                    _checksOf[file] = list = [];
                }

                list.Add(check);
            }
        }

        bool Kept(string file) => filter is null || file.Contains(filter, StringComparison.OrdinalIgnoreCase);

        // A check that names a file which is usually set aside, such as a side car, has something to say about it.
        string[] named = [.. _checksOf.Keys.Where(Kept).Order(StringComparer.Ordinal)];
        Covered = [.. named.Where(folder.Present.Contains)];
        Missing = [.. named.Where(file => !folder.Present.Contains(file))];
        WithoutCheck = [.. folder.Data.Where(file => !_checksOf.ContainsKey(file)).Where(Kept)];
        Ignored = [.. folder.Ignored.Where(ignored => !_checksOf.ContainsKey(ignored.File) && Kept(ignored.File))];
    }

    /// <summary>Files of the folder that at least one check answers for, sorted.</summary>
    public IReadOnlyList<string> Covered { get; }

    /// <summary>Files with expectations that no check names, sorted.</summary>
    public IReadOnlyList<string> WithoutCheck { get; }

    /// <summary>Files that a check names but the folder does not have, sorted.</summary>
    public IReadOnlyList<string> Missing { get; }

    /// <summary>Files without expectations, each with the reason.</summary>
    public IReadOnlyList<IgnoredFile> Ignored { get; }

    /// <summary>Runs every check of one file.</summary>
    /// <param name="file">One of <see cref="Covered"/>.</param>
    /// <param name="cancellation">Looked at between comparisons.</param>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> asked to stop.</exception>
    /// <remarks>
    /// An exception inside a check becomes a failed result with its message; the others still run. A check that neither
    /// compares anything nor says what it leaves out fails as well: silence is not success.
    /// </remarks>
    public GoldenFileReport Run(string file, CancellationToken cancellation = default)
    {
        List<GoldenResult> results = [];
        List<string> notCovered = [];
        long start = Stopwatch.GetTimestamp();
        foreach (GoldenCheck check in _checksOf[file])
        {
            int before = results.Count;
            try
            {
                foreach (GoldenResult result in check.Run(_context, file))
                {
                    cancellation.ThrowIfCancellationRequested();
                    results.Add(result);
                }

                string[] left = [.. check.NotCovered(_context, file)];
                notCovered.AddRange(left);
                if (results.Count == before && left.Length == 0)
                {
                    results.Add(Broken(check, "made no comparison in this file and gave no reason"));
                }
            }
            catch (Exception e) when (e is not OperationCanceledException || !cancellation.IsCancellationRequested)
            {
                int compared = results.Count - before;
                results.Add(Broken(check, $"{e.GetType().Name} after {compared} comparisons: {e.Message}"));
            }
        }

        return new GoldenFileReport(file, results, notCovered, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
    }

    private static GoldenResult Broken(GoldenCheck check, string problem) =>
        new(check.GetType().Name, double.NaN, 0, problem);
}
