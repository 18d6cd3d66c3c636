using ControlNet.Native.Tensors;

namespace ControlNet.Native.Tests.Tapes;

/// <summary>New tensors beside one that is there.</summary>
internal static class NearTensor
{
    public static Tensor Beside(this Tensor near, Shape shape, float[] values) =>
        Tensor.From(new Device(near.Backend), shape, values);

    public static Tensor Beside(this Tensor near, Shape shape, int[] values) =>
        Tensor.From(new Device(near.Backend), shape, values);
}
