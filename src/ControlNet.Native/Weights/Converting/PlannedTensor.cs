using System;
using System.Collections.Generic;
using System.Linq;

namespace ControlNet.Native.Weights;

/// <summary>Where a tensor, or a part of one, comes from.</summary>
/// <param name="Slot">The elements.</param>
/// <param name="Kind">The model it is a weight of; null for what no model claims.</param>
/// <param name="Weight">Its name as diffusers gives it; null for the same.</param>
internal sealed record Piece(WeightSlot Slot, ModelKind? Kind = null, string? Weight = null);

/// <summary>A tensor to be written.</summary>
/// <param name="Name">Its name in the output.</param>
/// <param name="Shape">Its extents there.</param>
/// <param name="Pieces">What it consists of, one behind the other along the outermost axis.</param>
/// <param name="Values">F32 elements that no file has; null where pieces have them.</param>
internal sealed record PlannedTensor(
    string Name, IReadOnlyList<long> Shape, IReadOnlyList<Piece> Pieces, float[]? Values = null)
{
    /// <summary>A tensor as it lies in a file.</summary>
    public static PlannedTensor AsIs(string name, WeightSlot slot) => new(name, slot.Extents, [new Piece(slot)]);

    /// <summary>The type of its pieces; F32, into which all fit, where they have several.</summary>
    public string StoredType =>
        Values is null && Pieces.Select(piece => piece.Slot.Entry.DType).Distinct().Count() == 1
            ? Pieces[0].Slot.Entry.DType
            : "F32";

    /// <summary>Elements.</summary>
    public long Count => Shape.Aggregate(1L, (product, extent) => product * extent);
}

/// <summary>A file of tensors to be written.</summary>
/// <param name="Path">Below the output folder; empty where the file is the output.</param>
/// <param name="Component">What progress calls it.</param>
/// <param name="Tensors">What is in it.</param>
/// <param name="Metadata">Text of its header.</param>
internal sealed record PlannedFile(
    string Path, string Component, IReadOnlyList<PlannedTensor> Tensors, IReadOnlyDictionary<string, string> Metadata);

/// <summary>Everything a conversion writes, worked out from headers and configurations alone.</summary>
internal sealed class ConversionPlan
{
    /// <summary>The tensors of a folder that have no place in diffusers' layout, under their original names.</summary>
    public const string OriginalOnly = "original-only.safetensors";

    /// <summary>Files of tensors.</summary>
    public List<PlannedFile> Files { get; } = [];

    /// <summary>Other files by their path below the output folder.</summary>
    public SortedDictionary<string, string> Texts { get; } = new(StringComparer.Ordinal);

    /// <summary>Files copied as they are: the path below the output folder, and where from.</summary>
    public SortedDictionary<string, string> Copies { get; } = new(StringComparer.Ordinal);

    /// <summary>Tensors of the source without a place.</summary>
    public List<string> LeftOut { get; } = [];

    /// <summary>Whether a tokenizer was looked for in vain.</summary>
    public bool LacksTokenizer { get; set; }
}
