using System.Collections.Generic;
using System.Linq;

namespace ControlNet.Native.Weights;

/// <summary>
/// Where the elements of one weight lie: a tensor of a file or consecutive rows of one, seen under a shape of the same
/// count. (OpenCLIP stores query, key and value weights as one tensor; autoencoders of the original layout store
/// linear layers as 1x1 convolutions.)
/// </summary>
/// <param name="File">The open file.</param>
/// <param name="Entry">The tensor in it.</param>
/// <param name="OffsetBytes">First byte of the part, from the start of the tensor.</param>
/// <param name="Extents">The shape of the part.</param>
internal sealed record WeightSlot(
    SafeTensorsFile File, SafeTensorsEntry Entry, long OffsetBytes, IReadOnlyList<long> Extents)
{
    /// <summary>The whole of a tensor as it is.</summary>
    public WeightSlot(SafeTensorsFile file, SafeTensorsEntry entry) : this(file, entry, 0, entry.Shape)
    {
    }

    /// <summary>
    /// Elements of the part. No overflow: the header was proved and a part is not larger than its tensor.
    /// </summary>
    public long Count => Extents.Aggregate(1L, (product, extent) => product * extent);

    /// <summary>Bytes of the part.</summary>
    public long ByteCount => Count * (SafeTensorsTypes.Bits(Entry.DType) / 8);

    /// <summary>The shape as messages show it.</summary>
    public string ExtentsText => $"[{string.Join(", ", Extents)}]";

    /// <summary>One of <paramref name="parts"/> equal runs of rows.</summary>
    public WeightSlot Rows(int index, int parts)
    {
        long[] extents = [Extents[0] / parts, .. Extents.Skip(1)];
        return this with { OffsetBytes = OffsetBytes + (index * (ByteCount / parts)), Extents = extents };
    }

    /// <summary>
    /// The same elements without trailing extents of 1 beyond the second: <c>[O, I, 1, 1]</c> as <c>[O, I]</c>.
    /// </summary>
    public WeightSlot AsMatrix() =>
        Extents.Count == 4 && Extents[2] == 1 && Extents[3] == 1 ? this with { Extents = [.. Extents.Take(2)] } : this;
}
