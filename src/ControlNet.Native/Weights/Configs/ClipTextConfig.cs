using ControlNet.Native.Tensors;

namespace ControlNet.Native.Weights;

/// <summary>
/// What a CLIP text encoder is built from: transformers' <c>CLIPTextConfig</c>. The record's own defaults are those
/// of CLIP ViT-L/14, the encoder of Stable Diffusion 1.x.
/// </summary>
public sealed record ClipTextConfig
{
    /// <summary>Rows of the token table.</summary>
    public int VocabSize { get; init; } = 49408;

    /// <summary>Width of the states.</summary>
    public int HiddenSize { get; init; } = 768;

    /// <summary>Width inside the feed-forward part.</summary>
    public int IntermediateSize { get; init; } = 3072;

    /// <summary>Transformer layers that are run.</summary>
    public int Layers { get; init; } = 12;

    /// <summary>Attention heads of a layer.</summary>
    public int Heads { get; init; } = 12;

    /// <summary>Rows of the position table: the longest sequence, begin and end tokens included.</summary>
    public int MaxPositions { get; init; } = 77;

    /// <summary>
    /// Function inside the feed-forward part: <see cref="Activation.QuickGelu"/> or <see cref="Activation.Gelu"/>.
    /// </summary>
    public Activation HiddenActivation { get; init; } = Activation.QuickGelu;

    /// <summary>Epsilon of every layer norm.</summary>
    public double LayerNormEps { get; init; } = 1e-5;

    /// <summary>
    /// Begin token as the configuration states it. Published configurations are wrong about the three token ids
    /// (0, 2, 1); the tokenizer's own files decide.
    /// </summary>
    public int BosTokenId { get; init; } = 49406;

    /// <summary>End token as the configuration states it; see <see cref="BosTokenId"/>.</summary>
    public int EosTokenId { get; init; } = 49407;

    /// <summary>Padding token as the configuration states it; see <see cref="BosTokenId"/>.</summary>
    public int PadTokenId { get; init; } = 1;
}
