namespace ControlNet.Native.Bench.Table;

/// <summary>A figure of whole processes.</summary>
/// <param name="Name">What was run.</param>
/// <param name="Error">Why there is no figure; null when there is.</param>
/// <param name="Ours">Ours.</param>
/// <param name="Peer">The peer's; null when there is none.</param>
/// <param name="Unit">Unit of both.</param>
/// <param name="Ratio">Peer through ours.</param>
/// <param name="Bar">The bar, of the ratio where there is one, of ours otherwise.</param>
/// <param name="AtLeast">Whether the bar is to be reached rather than to be kept below.</param>
internal sealed record WholeResult(
    string Name, string? Error, double Ours, double? Peer, string Unit, double? Ratio, double Bar, bool AtLeast)
{
    /// <summary>Whether the bar is met; null when there is no figure.</summary>
    public bool? Met => Error is not null ? null : AtLeast ? Ratio >= Bar : Ours <= Bar;
}
