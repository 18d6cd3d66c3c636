using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;

namespace ControlNet.Cli;

/// <summary>Words of the options that say how a model is loaded.</summary>
internal static class LoadWords
{
    /// <summary>How weights are kept: <c>f32</c>, <c>f16</c> or <c>bf16</c>; null where nothing is said.</summary>
    /// <param name="option">The option it was given with, for the message.</param>
    /// <param name="name">The word.</param>
    /// <exception cref="UsageException">It is another word.</exception>
    public static DType? WeightType(string option, string? name) => name?.ToUpperInvariant() switch
    {
        null => null,
        "F32" => DType.F32,
        "F16" => DType.F16,
        "BF16" => DType.BF16,
        _ => throw new UsageException($"{option} is '{name}', but must be 'f32', 'f16' or 'bf16'"),
    };

    /// <summary>Whether pictures go through the autoencoder in bands; null for <c>auto</c>.</summary>
    /// <exception cref="UsageException">It is another word.</exception>
    public static bool? Tiling(string option, string name) => name.ToUpperInvariant() switch
    {
        "AUTO" => null,
        "ON" => true,
        "OFF" => false,
        _ => throw new UsageException($"{option} is '{name}', but must be 'auto', 'on' or 'off'"),
    };

    /// <summary>How activations are stored: <c>f32</c> or <c>f16</c>.</summary>
    /// <exception cref="UsageException">It is another word.</exception>
    public static DType Precision(string name) => name.ToUpperInvariant() switch
    {
        "F32" => DType.F32,
        "F16" => DType.F16,
        _ => throw new UsageException($"--precision is '{name}', but must be 'f32' or 'f16'"),
    };

    /// <summary>What a UNet predicts: <c>epsilon</c>, <c>v</c> or <c>sample</c>; null where nothing is said.</summary>
    /// <exception cref="UsageException">It is another word.</exception>
    public static PredictionType? Prediction(string? name) => name?.ToUpperInvariant() switch
    {
        null => null,
        "EPSILON" or "EPS" => PredictionType.Epsilon,
        "V" or "V_PREDICTION" => PredictionType.Velocity,
        "SAMPLE" => PredictionType.Sample,
        _ => throw new UsageException($"--prediction is '{name}', but must be 'epsilon', 'v' or 'sample'"),
    };
}
