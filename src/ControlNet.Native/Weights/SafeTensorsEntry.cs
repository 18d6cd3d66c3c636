using System.Collections.Generic;

namespace ControlNet.Native.Weights;

/// <summary>Where one tensor lies in a safetensors file.</summary>
/// <param name="Name">Its name; any string, never to be used as a path.</param>
/// <param name="DType">Element type as the format writes it, for example <c>F16</c>.</param>
/// <param name="Shape">Extents, outermost first; empty for a scalar.</param>
/// <param name="Begin">First byte, from the start of the data section.</param>
/// <param name="End">One past the last byte, from the start of the data section.</param>
public sealed record SafeTensorsEntry(string Name, string DType, IReadOnlyList<long> Shape, long Begin, long End)
{
    /// <summary>Bytes of the tensor.</summary>
    public long ByteCount => End - Begin;

    /// <summary>The shape as messages show it, for example <c>[320, 4, 3, 3]</c>.</summary>
    public string ShapeText => $"[{string.Join(", ", Shape)}]";
}
