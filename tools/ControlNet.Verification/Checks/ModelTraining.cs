using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;
using ControlNet.Native.Unet;
using ControlNet.Native.Weights;

namespace ControlNet.Verification.Checks;

/// <summary>What the checks of training share.</summary>
internal static class ModelTraining
{
    /// <summary>The parameters that a golden file has checksums of, in its order.</summary>
    public static string[] Names(GoldenTensors golden) =>
        [.. golden.Params.GetProperty("checksum_names").EnumerateArray().Select(name => name.GetString()!)];

    /// <summary>The loss: mean((unet(x, t, text, controlnet(x, t, text, hint)) - target)^2).</summary>
    /// <param name="controlNet">The network that is trained.</param>
    /// <param name="unet">The network it controls.</param>
    /// <param name="latents"><c>[N, H, W, 4]</c></param>
    /// <param name="timesteps">One for each of the latents.</param>
    /// <param name="states">The text, <c>[N, T, C]</c>.</param>
    /// <param name="hint">The control images, <c>[N, 8 H, 8 W, 3]</c>.</param>
    /// <param name="target">What the UNet should say, <c>[N, H, W, 4]</c>.</param>
    /// <returns>The UNet's output and the loss, in the caller's scope.</returns>
    public static (Tensor Estimate, Tensor Loss) Loss(
        ControlNetModel controlNet, UnetModel unet, Tensor latents, float[] timesteps, Tensor states, Tensor hint,
        Tensor target)
    {
        using TextContext text = new(states);
        ControlResiduals residuals = controlNet.Forward(latents, timesteps, text, controlNet.EncodeHint(hint));
        Tensor estimate = unet.Forward(latents, timesteps, text, residuals);
        return (estimate, Ops.MeanSquaredError(estimate, target));
    }

    /// <summary>The gradients of the parameters by name; zeros where nothing led to one.</summary>
    public static Dictionary<string, float[]> ByName(Gradients gradients, IReadOnlyList<Parameter> parameters) =>
        parameters.ToDictionary(
            parameter => parameter.Name,
            parameter => gradients.TryGet(parameter.Value, out Tensor? gradient)
                ? gradient.ToArray()
                : new float[parameter.Value.Shape.Count]);

    /// <summary>
    /// Compares (sum, sum of magnitudes, sum of squares) of each tensor; the limit is relative to the magnitudes, which
    /// a sum that cancels is small beside, or to a millionth of the largest: some gradients are zero but for rounding,
    /// such as those of the scores of a single token.
    /// </summary>
    /// <param name="name">Names the results.</param>
    /// <param name="order">The golden names, one for each row.</param>
    /// <param name="expected"><c>[names, 3]</c></param>
    /// <param name="actual">Values by name.</param>
    /// <param name="limit">
    /// For the first two relative to the second; for the squares relative and twice as large.
    /// </param>
    public static IEnumerable<GoldenResult> Checksums(
        string name, IReadOnlyList<string> order, float[] expected, Dictionary<string, float[]> actual, double limit)
    {
        yield return GoldenResult.Exact(
            $"{name}/names",
            order.Order(StringComparer.Ordinal).SequenceEqual(actual.Keys.Order(StringComparer.Ordinal)),
            $"{actual.Count} parameters are trained, expected {order.Count}");
        double floor = 1e-6 * Enumerable.Range(0, order.Count).Max(i => expected[(3 * i) + 1]);
        for (int i = 0; i < order.Count; i++)
        {
            if (!actual.TryGetValue(order[i], out float[]? values))
            {
                continue;
            }

            double sum = values.Sum(v => (double)v), magnitudes = values.Sum(v => Math.Abs((double)v));
            double squares = values.Sum(v => (double)v * v);
            double scale = Math.Max(expected[(3 * i) + 1], floor);
            double scaleOfSquares = Math.Max(expected[(3 * i) + 2], floor * floor);
            double error = Math.Max(
                Math.Max(Math.Abs(sum - expected[3 * i]), Math.Abs(magnitudes - expected[(3 * i) + 1])) / scale,
                Math.Abs(squares - expected[(3 * i) + 2]) / scaleOfSquares / 2);
            yield return new GoldenResult($"{name}/{order[i]}", error, limit);
        }
    }
}
