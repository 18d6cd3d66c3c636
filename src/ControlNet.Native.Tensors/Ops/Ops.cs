using System;
using System.Runtime.CompilerServices;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors;

/// <summary>
/// The operations on tensors. Each returns a new tensor on the device of its inputs and leaves them unchanged, but for
/// those of the optimiser, which return nothing.
/// Activations are channels-last: images <c>[N, H, W, C]</c>, tokens <c>[N, T, C]</c>.
/// </summary>
public static partial class Ops
{
    private const string PackedCure =
        "a packed weight serves inference only: hand the weight over as a tensor";

    /// <summary>The view of an optional input.</summary>
    private static BufferView ViewOf(Tensor? tensor) => tensor?.View ?? BufferView.None;

    /// <summary>Refuses an input of another device, or one that is not F32.</summary>
    private static void Check(Tensor first, Tensor? other, [CallerMemberName] string op = "")
    {
        if (other is null)
        {
            return;
        }

        if (other.Backend != first.Backend)
        {
            throw new DeviceException(
                $"{op}: one input is on {first.Backend.Name}, another on {other.Backend.Name}; an op works on one " +
                "device");
        }

        if (other.DType != DType.F32)
        {
            throw new ShapeException($"{op}: inputs must be F32, got {other}; cast it first");
        }
    }

    /// <summary>Refuses a weight of another device, or one that is not of floats.</summary>
    private static void CheckWeight(Tensor x, Tensor weight, [CallerMemberName] string op = "")
    {
        ArgumentNullException.ThrowIfNull(weight);
        if (weight.Backend != x.Backend)
        {
            throw new DeviceException(
                $"{op}: x is on {x.Backend.Name}, the weight on {weight.Backend.Name}; an op works on one device");
        }

        if (weight.DType == DType.I32)
        {
            throw new ShapeException($"{op}: weight must be of floats, got {weight}");
        }
    }

    /// <summary>Memory for the gradient of an input that wants one; null for others.</summary>
    private static Tensor? Wanted(Tensor input) =>
        input.Variable is null ? null : new Tensor(input.Backend, input.Shape);

    private static void AddWanted(Gradients gradients, Tensor input, Tensor? gradient)
    {
        if (gradient is not null)
        {
            gradients.Add(input.Variable, gradient);
        }
    }

    /// <summary>
    /// The gradient of an operand that was broadcast: summed over what it was repeated along; x itself when nothing.
    /// </summary>
    private static Tensor SumTo(Tensor x, Shape shape)
    {
        if (x.Shape == shape || x.Shape.Count == shape.Count)
        {
            return x;
        }

        Tensor y = new(x.Backend, shape);
        x.Backend.Reduce.SumTo(SumToDims.Infer(nameof(SumTo), x.Shape, shape), 1f, x.View, y.View);
        return y;
    }
}
