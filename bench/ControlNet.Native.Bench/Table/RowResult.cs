using System.Collections.Generic;

namespace ControlNet.Native.Bench.Table;

/// <summary>What came of a row: medians of one run, alternating.</summary>
/// <param name="Row">The row.</param>
/// <param name="OursSeconds">Median of ours.</param>
/// <param name="Peers">Medians of the peers that could be had.</param>
/// <param name="BoundShare">
/// Share of the peak or of the copy bandwidth measured in the same rounds; null for none.
/// </param>
/// <param name="Rounds">How often each took its turn.</param>
/// <param name="Remarks">Why a peer is missing, or that results disagree.</param>
internal sealed record RowResult(
    Row Row, double OursSeconds, IReadOnlyList<(string Name, double Seconds)> Peers, double? BoundShare,
    int Rounds, IReadOnlyList<string> Remarks)
{
    /// <summary>The fastest peer; null when none could be had.</summary>
    public (string Name, double Seconds)? Best
    {
        get
        {
            (string, double)? best = null;
            double least = double.PositiveInfinity;
            foreach ((string name, double seconds) in Peers)
            {
                if (seconds < least)
                {
                    (best, least) = ((name, seconds), seconds);
                }
            }

            return best;
        }
    }

    /// <summary>How many times as long the fastest peer takes.</summary>
    public double? Ratio => Best?.Seconds / OursSeconds;

    /// <summary>Whether every bar that could be judged is met; null when there is none.</summary>
    public bool? Met
    {
        get
        {
            bool? ratio = Ratio >= Row.RatioBar ? true : Ratio < Row.RatioBar ? false : null;
            bool? share = BoundShare >= Row.BoundBar ? true : BoundShare < Row.BoundBar ? false : null;
            return ratio is null ? share : share is null ? ratio : ratio & share;
        }
    }
}
