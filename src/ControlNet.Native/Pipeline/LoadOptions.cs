using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native;

/// <summary>What a checkpoint does not say itself, or what should be done otherwise than it says.</summary>
public sealed record LoadOptions
{
    /// <summary>
    /// Where the tokenizer's vocabulary is: a folder with <c>vocab.json</c> and <c>merges.txt</c>, or OpenAI's
    /// <c>bpe_simple_vocab_16e6.txt.gz</c>. Null looks in the model's own folder; single files carry none, so for them
    /// the same names are looked for beside the file.
    /// </summary>
    public string? Tokenizer { get; init; }

    /// <summary>How convolution and linear weights are kept in memory. Null keeps the type of the file.</summary>
    public DType? WeightStorage { get; init; }

    /// <summary>
    /// How much larger than stored the weights of convolutions may become so that convolving is a little faster. Null
    /// is <see cref="WeightGrowth.None"/>; <see cref="MemoryPlan"/> chooses by a budget.
    /// </summary>
    public WeightGrowth? WeightGrowth { get; init; }

    /// <summary>
    /// How the networks store what they compute: F32, or F16 on a GPU, which halves its memory and traffic at about
    /// three digits. Sums, norms and softmax are F32 in both, as are latents, sampler and image. F16 keeps the weights
    /// of convolutions and linear layers in F16 too. Control networks are loaded with the same.
    /// </summary>
    public DType Activations { get; init; } = DType.F32;

    /// <summary>
    /// Whether the autoencoder works in bands of rows (<see cref="Vae.Autoencoder.InBands"/>): half the memory for
    /// pictures, a little more time, no seams. Null does not, and leaves it to <see cref="MemoryPlan"/> where there
    /// is a budget.
    /// </summary>
    public bool? TileVae { get; init; }

    /// <summary>What the UNet predicts. Null takes the scheduler configuration, or what the layout implies.</summary>
    public PredictionType? Prediction { get; init; }

    /// <summary>
    /// A diffusers model folder whose configurations (and tokenizer and scheduler) describe a single-file checkpoint of
    /// another than the usual architecture; its weights are not read. Null derives the configuration from the names and
    /// shapes of the tensors.
    /// </summary>
    public string? ConfigsFrom { get; init; }

    /// <summary>The part of these options that concerns reading the files.</summary>
    internal CheckpointOptions ForCheckpoint() => new()
    {
        ConfigsFrom = ConfigsFrom,
        PredictionType = Prediction switch
        {
            null => null,
            PredictionType.Epsilon => "epsilon",
            PredictionType.Velocity => "v_prediction",
            _ => "sample",
        },
    };
}
