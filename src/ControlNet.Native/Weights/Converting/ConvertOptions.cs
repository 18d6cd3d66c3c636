using System.Collections.Generic;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Weights;

/// <summary>What <see cref="CheckpointConverter"/> does beside changing the layout.</summary>
public sealed record ConvertOptions
{
    /// <summary>
    /// F32, F16 or BF16: the type floating weights are written in, rounded to nearest. Null keeps the type of each.
    /// Buffers of the sampler (names without a dot, such as <c>betas</c>) always keep theirs.
    /// </summary>
    public DType? Type { get; init; }

    /// <summary>The one part that is written; null writes all there are.</summary>
    public ModelPart? Only { get; init; }

    /// <summary>
    /// Base model the ControlNet was trained on. With <see cref="TransferTo"/> only the ControlNet is written, as
    /// control + new base - old base for every weight it shares with the UNet.
    /// </summary>
    public string? TransferFrom { get; init; }

    /// <summary>Base model the ControlNet is to steer; see <see cref="TransferFrom"/>.</summary>
    public string? TransferTo { get; init; }

    /// <summary>LoRA that are added to the weights, and how strongly; open until all is written.</summary>
    public IReadOnlyList<LoraUse> Loras { get; init; } = [];

    /// <summary>Refuses a LoRA of which anything does not apply, instead of reporting it.</summary>
    public bool LorasMustApply { get; init; }

    /// <summary>Replaces an output that exists, if it is a model.</summary>
    public bool Overwrite { get; init; }

    /// <summary>
    /// Folder with <c>vocab.json</c> and <c>merges.txt</c> that a written model folder gets; null takes that of the
    /// source, where there is one.
    /// </summary>
    public string? Tokenizer { get; init; }

    /// <summary>What the caller knows better than the source; null for nothing.</summary>
    public CheckpointOptions? Source { get; init; }
}
