using System;
using System.Runtime.CompilerServices;

namespace ControlNet.Native.Control;

/// <summary>What an encoded hint was made from.</summary>
/// <param name="Source">The hint; the very object counts, not what it holds.</param>
/// <param name="Width">Width it was brought to, in pixels.</param>
/// <param name="Height">Height.</param>
/// <param name="Resize">A number for the way it was brought there.</param>
internal readonly record struct HintKey(object Source, int Width, int Height, int Resize)
{
    /// <summary>The same object, brought to the same size in the same way.</summary>
    public bool Equals(HintKey other) =>
        ReferenceEquals(Source, other.Source) && (Width, Height, Resize) == (other.Width, other.Height, other.Resize);

    /// <inheritdoc/>
    public override int GetHashCode() =>
        HashCode.Combine(RuntimeHelpers.GetHashCode(Source), Width, Height, Resize);
}
