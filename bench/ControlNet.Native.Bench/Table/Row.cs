using System.Collections.Generic;
using System.Text.Json.Nodes;

namespace ControlNet.Native.Bench.Table;

/// <summary>One row of the table: a case, who is timed on it, and the bars it is held to.</summary>
/// <param name="Group">What <c>--only</c> picks it by.</param>
/// <param name="Name">The case, for the reader.</param>
/// <param name="Spec">The case, for the processes.</param>
/// <param name="Peers">Peers, and the layout or form each is to use; the fastest counts.</param>
/// <param name="RatioBar">How many times as long the fastest peer should take; null for no bar.</param>
internal sealed record Row(
    string Group, string Name, JsonObject Spec, IReadOnlyList<(Contender Peer, string Form)> Peers, double? RatioBar)
{
    /// <summary>Who of us.</summary>
    public Contender Ours { get; init; } = Contender.Ours;

    /// <summary>
    /// Floating-point operations of one call by the direct algorithm; 0 when they are not what bounds it.
    /// </summary>
    public double Operations { get; init; }

    /// <summary>Bytes one call must read and write at least; 0 when they are not what bounds it.</summary>
    public long BytesMoved { get; init; }

    /// <summary>The share of the machine's peak, or of its copy bandwidth, to be reached; null for no bar.</summary>
    public double? BoundBar { get; init; }

    /// <summary>Whether this is a whole network: few rounds, one call a turn, and results that must agree.</summary>
    public bool IsNetwork => Spec["case"]!.GetValue<string>() == "network";
}
