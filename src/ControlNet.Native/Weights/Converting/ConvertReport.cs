using System.Collections.Generic;

namespace ControlNet.Native.Weights;

/// <summary>What a conversion wrote.</summary>
public sealed record ConvertReport
{
    /// <summary>Full path of the file or folder.</summary>
    public required string Output { get; init; }

    /// <summary>Tensors written.</summary>
    public required int Tensors { get; init; }

    /// <summary>Bytes of the files of tensors.</summary>
    public required long Bytes { get; init; }

    /// <summary>Types of the tensors written, as safetensors names them, and how many have each.</summary>
    public required IReadOnlyDictionary<string, int> ElementTypes { get; init; }

    /// <summary>Tensors of the source that have no place in the output, sorted.</summary>
    public required IReadOnlyList<string> LeftOut { get; init; }

    /// <summary>What each LoRA changed, in their order.</summary>
    public IReadOnlyList<LoraReport> Loras { get; init; } = [];

    /// <summary>Whether a folder of a whole model was written without a tokenizer, because there was none.</summary>
    public bool LacksTokenizer { get; init; }

    /// <summary>Whether what the UNet predicts was neither stated by the source nor by the caller.</summary>
    public bool PredictionIsAssumed { get; init; }
}
