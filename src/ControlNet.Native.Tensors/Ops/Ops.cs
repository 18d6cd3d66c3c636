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
}
