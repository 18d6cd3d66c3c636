using System;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Nn;

/// <summary>
/// A second, narrow way through a layer: <c>Factor * up(down(x))</c>. The layer's own weight stays as it is. Source: Hu
/// et al., 2021, arXiv:2106.09685, section 4.1.
/// </summary>
internal sealed class LowRankBranch : IDisposable
{
    private readonly PackedWeight _down, _up;

    // Of a convolution; null for a linear layer.
    private readonly (int Stride, Padding Padding)? _window;

    private LowRankBranch(PackedWeight down, PackedWeight up, (int, Padding)? window) =>
        (_down, _up, _window) = (down, up, window);

    /// <summary>What the product of the factors is multiplied with; at 0 nothing is computed.</summary>
    public float Factor { get; set; }

    /// <summary>Bytes of both factors on the device.</summary>
    public long Bytes => _down.Bytes + _up.Bytes;

    /// <summary>A branch of a linear layer.</summary>
    /// <param name="down"><c>[rank, In]</c></param>
    /// <param name="up"><c>[Out, rank]</c></param>
    /// <param name="storage">How the factors are kept.</param>
    public static LowRankBranch OfLinear(Tensor down, Tensor up, DType storage) =>
        Packed(Ops.PackLinear(down, storage), () => Ops.PackLinear(up, storage), null);

    /// <summary>A branch of a convolution: the first factor has its window, the second is 1x1.</summary>
    /// <param name="down"><c>[rank, In, K, K]</c></param>
    /// <param name="up"><c>[Out, rank, 1, 1]</c></param>
    /// <param name="storage">How the factors are kept.</param>
    /// <param name="stride">Step in pixels.</param>
    /// <param name="padding">Zeros around the input.</param>
    public static LowRankBranch OfConvolution(
        Tensor down, Tensor up, DType storage, int stride, Padding padding) =>
        Packed(Ops.PackConv2d(down, storage), () => Ops.PackConv2d(up, storage), (stride, padding));

    /// <param name="x">The layer's input.</param>
    /// <param name="addTensor">What it is added to, with the elements of the layer's result, or none.</param>
    /// <param name="result">How the result is stored.</param>
    /// <returns><c>Factor * up(down(x)) + addTensor</c>, of the shape of the layer's result.</returns>
    public Tensor Forward(Tensor x, Tensor? addTensor, DType result)
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor narrow = _window is { } window
            ? Ops.Conv2d(x, _down, stride: window.Stride, padding: window.Padding)
            : Ops.Linear(x, _down);
        narrow = narrow.ReplacedBy(Ops.Scale(narrow, Factor));
        return scope.Keep(_window is null
            ? Ops.Linear(narrow, _up, addTensor: addTensor, result: result)
            : Ops.Conv2d(narrow, _up, addTensor: addTensor, result: result));
    }

    /// <summary>Frees the factors.</summary>
    public void Dispose()
    {
        _down.Dispose();
        _up.Dispose();
    }

    private static LowRankBranch Packed(PackedWeight down, Func<PackedWeight> packUp, (int, Padding)? window)
    {
        try
        {
            return new LowRankBranch(down, packUp(), window);
        }
        catch
        {
            down.Dispose();
            throw;
        }
    }
}
