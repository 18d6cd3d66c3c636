namespace ControlNet.Native;

/// <summary>Where a channel of a hint comes from.</summary>
/// <param name="Index">A channel of another hint, from 0: red, green and blue are 0, 1 and 2.</param>
/// <param name="Inverted">Whether it is turned over: 1 minus the value.</param>
public readonly record struct HintChannel(int Index, bool Inverted = false);
