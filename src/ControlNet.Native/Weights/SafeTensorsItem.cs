using System;
using System.Collections.Generic;

namespace ControlNet.Native.Weights;

/// <summary>One tensor to be written. Its bytes are asked for when its turn comes, one tensor at a time.</summary>
/// <param name="Name">Its name; not <c>__metadata__</c>.</param>
/// <param name="DType">Element type as the format writes it: <c>F32</c>, <c>F16</c>, <c>BF16</c>, <c>I64</c>, …</param>
/// <param name="Shape">Extents, outermost first; empty for a scalar.</param>
/// <param name="Bytes">Gives the elements, little-endian and row-major.</param>
public sealed record SafeTensorsItem(
    string Name, string DType, IReadOnlyList<long> Shape, Func<ReadOnlyMemory<byte>> Bytes);
