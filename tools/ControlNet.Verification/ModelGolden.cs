using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Verification;

/// <summary>
/// What the checks of whole models share: inputs brought to channels-last, outputs compared with NCHW data.
/// </summary>
internal static class ModelGolden
{
    /// <summary>max|x - ref| / max|ref| allowed for a text encoder.</summary>
    public const double TextLimit = 1e-5;

    /// <summary>
    /// max|x - ref| / max|ref| allowed for UNet, autoencoder and ControlNet, and every module inside them.
    /// </summary>
    public const double NetworkLimit = 3e-5;

    /// <summary>The same for all of them where they store what they compute in F16.</summary>
    public const double HalfLimit = 2e-2;

    /// <summary>A limit of F32, or that of F16 where the activations under test are.</summary>
    public static double Limit(this GoldenContext context, double limit = NetworkLimit) =>
        context.Activations == DType.F16 ? HalfLimit : limit;

    /// <summary>The weights of a network whose outputs are compared, in the activations under test.</summary>
    public static WeightMap Under(this WeightMap weights, GoldenContext context) =>
        weights.WithActivations(context.Activations);

    /// <summary>The elements of a tensor, widened where they are not F32.</summary>
    public static float[] Floats(this Tensor tensor)
    {
        using TensorScope scope = TensorScope.Enter();
        return (tensor.DType == DType.F32 ? tensor : Ops.Cast(tensor, DType.F32)).ToArray();
    }

    /// <summary>
    /// Uploads an input: images <c>[N, C, H, W]</c> become channels-last, 8-bit ones values of [0, 1].
    /// </summary>
    public static Tensor Upload(this GoldenContext context, GoldenTensor golden)
    {
        float[] values = golden.DType == "U8" ? [.. golden.Octets().Select(octet => octet / 255f)] : golden.Floats();
        Tensor tensor = Tensor.From(context.Device, new Shape(golden.Shape), values);
        return golden.Shape.Length == 4 ? Ops.ToChannelsLast(tensor) : tensor;
    }

    /// <summary>Token numbers as the text encoder takes them, one array for each prompt.</summary>
    public static int[][] Tokens(this GoldenTensor golden) =>
        [.. golden.Longs().Select(id => checked((int)id)).Chunk(golden.Shape[^1])];

    /// <summary>Compares an output with the reference; images are brought back to NCHW first.</summary>
    public static GoldenResult Compare(string name, GoldenTensor expected, Tensor actual, double limit)
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor ordered = actual.Shape.Rank == 4 ? Ops.ToChannelsFirst(actual) : actual;
        int[] shape = [.. Enumerable.Range(0, ordered.Shape.Rank).Select(axis => ordered.Shape[axis])];

        // PyTorch flattens the pixels of some images; the elements are the same.
        int[] flattened = shape.Length == 4 && expected.Shape.Length == 3
            ? [shape[0], shape[1], shape[2] * shape[3]]
            : shape;
        return flattened.SequenceEqual(expected.Shape)
            ? Compare(name, expected.Floats(), ordered.Floats(), limit)
            : new GoldenResult(
                name, double.NaN, limit,
                $"shape is [{string.Join(", ", flattened)}], expected [{string.Join(", ", expected.Shape)}]");
    }

    /// <summary>max|x - ref| / max|ref|; the plain error where the reference is zero throughout.</summary>
    public static GoldenResult Compare(
        string name, ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double limit)
    {
        if (expected.Length != actual.Length)
        {
            return new GoldenResult(name, double.NaN, limit, $"{actual.Length} values, expected {expected.Length}");
        }

        double worst = 0, scale = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            double error = Math.Abs((double)actual[i] - expected[i]);
            worst = double.IsNaN(error) ? double.NaN : Math.Max(worst, error);
            scale = Math.Max(scale, Math.Abs((double)expected[i]));
        }

        return new GoldenResult(name, scale == 0 ? worst : worst / scale, limit);
    }

    /// <summary>
    /// Runs one case inside a tensor scope; an exception of the library becomes a failed result beside those before it.
    /// </summary>
    public static List<GoldenResult> Case(string name, Action<List<GoldenResult>> compare)
    {
        List<GoldenResult> results = [];
        try
        {
            using TensorScope scope = TensorScope.Enter();
            compare(results);
        }
        catch (EngineException exception)
        {
            results.Add(new GoldenResult(name, double.NaN, 0, $"{exception.GetType().Name}: {exception.Message}"));
        }

        return results;
    }

    /// <summary>The part of a name before its first slash, for every case of a file.</summary>
    public static IEnumerable<string> Cases(this GoldenTensors golden) =>
        golden.Names.Select(name => name.Split('/')[0]).Distinct().Order(StringComparer.Ordinal);

    /// <summary>Absolute path of a model below <c>models</c>, for example <c>sd1-tiny/unet</c>.</summary>
    public static string ModelPath(this GoldenContext context, string model) =>
        context.Path(["models", .. model.Split('/')]);

    /// <summary>Absolute path of the model a golden file was made with.</summary>
    /// <param name="context">The golden folder.</param>
    /// <param name="golden">The file.</param>
    /// <param name="parameter">Which of its parameters names the model.</param>
    public static string ModelOf(this GoldenContext context, GoldenTensors golden, string parameter = "model") =>
        context.ModelPath(golden.Params.GetProperty(parameter).GetString()!);
}
