using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Training;

/// <summary>
/// The values weights have before anything was learnt, by their names. Layers: normal with variance 1 / (3 fan in),
/// that of PyTorch's default; norms: scale 1, shift 0; embeddings: normal, deviation 0.02 (transformers' CLIP); biases:
/// 0.
/// The last convolution of every residual part of the UNet, its output and the projections out of its transformers
/// begin as zeros, as in the original code (zero_module of openaimodel.py and attention.py).
/// </summary>
internal sealed class FirstWeights(TrainingRandom random)
{
    private const float EmbeddingDeviation = 0.02f;

    private long _drawn;

    /// <summary>Values for the weights of a model, drawn in the order they are given.</summary>
    /// <param name="weights">Names and shapes.</param>
    /// <param name="isZero">Which weights begin as zeros.</param>
    public SafeTensorsItem[] Draw(IReadOnlyList<(string Name, Shape Shape)> weights, Func<string, bool> isZero) =>
        [.. weights.Select(weight => Item(weight.Name, weight.Shape, Values(weight.Name, weight.Shape, isZero)))];

    /// <summary>Whether the original code begins a weight of a UNet with zeros.</summary>
    public static bool IsZeroInUnet(string name) =>
        name.StartsWith("conv_out.", StringComparison.Ordinal)
        || name.Contains(".conv2.", StringComparison.Ordinal)
        || name.Contains(".proj_out.", StringComparison.Ordinal);

    /// <summary>
    /// Whether a weight ends a residual part of an autoencoder. The original code begins those at random; as zeros they
    /// let the first steps learn what the cells look like on the whole, and forms come after.
    /// </summary>
    public static bool IsZeroInAutoencoder(string name) =>
        name.Contains(".conv2.", StringComparison.Ordinal) || name.Contains(".to_out.", StringComparison.Ordinal);

    /// <summary>
    /// Whether a weight is one of the convolutions a control network speaks through, which begin as zeros.
    /// </summary>
    public static bool IsZeroInControlNet(string name) =>
        name.StartsWith("controlnet_cond_embedding.conv_out.", StringComparison.Ordinal)
        || name.StartsWith("controlnet_down_blocks.", StringComparison.Ordinal)
        || name.StartsWith("controlnet_mid_block.", StringComparison.Ordinal);

    private static SafeTensorsItem Item(string name, Shape shape, float[] values) => new(
        name, "F32", [.. Enumerable.Range(0, shape.Rank).Select(axis => (long)shape[axis])],
        () => MemoryMarshal.AsBytes(values.AsSpan()).ToArray());

    private float[] Values(string name, Shape shape, Func<string, bool> isZero)
    {
        float[] values = new float[shape.Count];
        if (isZero(name) || name.EndsWith(".bias", StringComparison.Ordinal))
        {
            return values;
        }

        if (shape.Rank == 1)
        {
            Array.Fill(values, 1f);
            return values;
        }

        // PyTorch draws layers uniformly within 1 / sqrt(fan in); a normal draw of that variance does the same.
        float deviation = name.Contains("embedding.weight", StringComparison.Ordinal)
            ? EmbeddingDeviation
            : (float)(1 / Math.Sqrt(3d * shape.Count / shape[0]));
        random.FillNormal(RandomUse.Initialisation, _drawn++, values);
        for (int i = 0; i < values.Length; i++)
        {
            values[i] *= deviation;
        }

        return values;
    }
}
