using ControlNet.Native.Tensors;

namespace ControlNet.Native.Nn;

/// <summary>Short forms for chains of layers.</summary>
internal static class TensorSteps
{
    /// <summary>
    /// Frees <paramref name="previous"/> at once, not at the end of its scope, and goes on with what was computed from
    /// it: <c>h = h.ReplacedBy(layer.Forward(h))</c>. The previous tensor must belong to the chain, not to its caller.
    /// </summary>
    /// <returns><paramref name="next"/></returns>
    public static Tensor ReplacedBy(this Tensor previous, Tensor next)
    {
        previous.Dispose();
        return next;
    }
}
