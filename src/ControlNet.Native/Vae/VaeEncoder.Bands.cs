using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Unet;

namespace ControlNet.Native.Vae;

/// <content>Encoding in bands of rows.</content>
internal sealed partial class VaeEncoder
{
    /// <summary>The same function, up to rounding; see <see cref="VaeDecoder.ForwardInBands"/>.</summary>
    /// <param name="image"><c>[1, H, W, InChannels]</c>, values in [-1, 1]; H and W multiples of 8.</param>
    /// <param name="rows">Rows of pixels in a band, a multiple of 8.</param>
    /// <returns><c>[1, H / 8, W / 8, 2 * LatentChannels]</c></returns>
    public Tensor ForwardInBands(Tensor image, int rows)
    {
        using TensorScope scope = TensorScope.Enter();
        Bands pixels = Bands.Of(image, rows), h = new(pixels.Count);
        for (int i = 0; i < h.Count; i++)
        {
            using TensorScope band = TensorScope.Enter();
            h[i] = band.Keep(_convIn.Forward(pixels.Widened(i, above: true), pixels.Edges(i)));
        }

        foreach (Module step in _steps)
        {
            h = step is ResnetBlock resnet ? resnet.Forward(h) : Downsampled(h, (Conv2d)step);
        }

        Tensor whole = h.Joined();
        whole = whole.ReplacedBy(_middle.Forward(whole));
        whole = whole.ReplacedBy(_normOut.Forward(whole));
        return scope.Keep(_convOut.Forward(whole));
    }

    /// <summary>Every other pixel, zeros below and to the right only: a band reads no row above it. Frees x.</summary>
    private static Bands Downsampled(Bands x, Conv2d conv)
    {
        using TensorScope scope = TensorScope.Enter();
        Bands y = new(x.Count);
        for (int i = 0; i < x.Count; i++)
        {
            using TensorScope band = TensorScope.Enter();
            Padding edges = new(0, i == x.Count - 1 ? 1 : 0, 0, 1);
            y[i] = band.Keep(conv.Forward(x.Widened(i, above: false), edges));
            x.Free(i);
        }

        return y.KeptBy(scope);
    }
}
