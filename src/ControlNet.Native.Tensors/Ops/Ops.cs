using System;
using System.Runtime.CompilerServices;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors;

/// <summary>
/// The operations on tensors. Each returns a new tensor on the device of its inputs and leaves them unchanged, but for
/// those of the optimiser, which return nothing.
/// Activations are channels-last: images <c>[N, H, W, C]</c>, tokens <c>[N, T, C]</c>; F32, or F16 where the device has
/// them (<see cref="Device.RequireActivations"/>). Those of one call have one type, which is that of the result where
/// nothing else is said; biases and the parameters of norms are F32, and so is whatever trains.
/// </summary>
public static partial class Ops
{
    private const string PackedCure =
        "a packed weight serves inference only: hand the weight over as a tensor";

    /// <summary>The view of an optional input.</summary>
    private static BufferView ViewOf(Tensor? tensor) => tensor?.View ?? BufferView.None;

    /// <summary>
    /// Refuses an input of another device, one of a type that activations are not stored in there, or of another type
    /// than the first.
    /// </summary>
    private static void Check(Tensor first, Tensor? other, [CallerMemberName] string op = "")
    {
        if (other is null)
        {
            return;
        }

        CheckDevice(first, other, op);
        if (!other.Backend.SupportsActivations(other.DType))
        {
            string types = other.Backend.SupportsActivations(DType.F16) ? "F32 or F16" : "F32";
            throw new ShapeException($"{op}: inputs must be {types}, got {other}; cast it first");
        }

        if (other.DType != first.DType)
        {
            throw new ShapeException($"{op}: inputs must be of one type, got {first} and {other}; cast one of them");
        }
    }

    /// <summary>Refuses an input of another device, or one that is not F32: parameters, and whatever trains.</summary>
    private static void CheckFloats(
        Tensor first, Tensor? other, [CallerMemberName] string op = "",
        [CallerArgumentExpression(nameof(other))] string name = "")
    {
        if (other is null)
        {
            return;
        }

        CheckDevice(first, other, op);
        if (other.DType != DType.F32)
        {
            throw new ShapeException($"{op}: {name} must be F32, got {other}; cast it first");
        }
    }

    /// <summary>
    /// Refuses a type of a result, or of what is added to it, that does not fit; a result that is not F32 has no
    /// gradient.
    /// </summary>
    private static DType CheckResult(
        string op, Tensor x, DType? result, Tensor? addTensor, params ReadOnlySpan<Tensor?> others)
    {
        DType type = result ?? x.DType;
        if (addTensor is not null)
        {
            CheckDevice(x, addTensor, op);
        }

        if (!x.Backend.SupportsActivations(type))
        {
            throw new ShapeException(
                $"{op}: {x.Backend.Name} gives no result in {type.Name()}; choose F32, or F16 on a GPU");
        }

        if (addTensor is not null && addTensor.DType != type)
        {
            throw new ShapeException(
                $"{op}: addTensor must be {type.Name()} like the result, got {addTensor}; cast it first");
        }

        if (type != DType.F32 || x.DType != DType.F32)
        {
            Tape.Refuse(op, "training computes with F32 activations", [x, addTensor, .. others]);
        }

        return type;
    }

    private static void CheckDevice(Tensor first, Tensor other, string op)
    {
        if (other.Backend != first.Backend)
        {
            throw new DeviceException(
                $"{op}: one input is on {first.Backend.Name}, another on {other.Backend.Name}; an op works on one " +
                "device");
        }
    }

    /// <summary>Refuses a packed weight that activations in F16 cannot be multiplied with.</summary>
    private static void CheckPacked(Tensor x, PackedWeight weight, string op)
    {
        if (x.DType == DType.F16 && weight.DType != DType.F16)
        {
            throw new ShapeException(
                $"{op}: activations in F16 take a weight in F16, got {weight.DType.Name()} {weight.Shape}; pack it so");
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
