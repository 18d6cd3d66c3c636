using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Unet;

namespace ControlNet.Native.Vae;

/// <content>Decoding in bands of rows, which takes half the memory.</content>
internal sealed partial class VaeDecoder
{
    /// <summary>
    /// The same function, up to rounding: convolutions of a band read the rows beside it and norms take their
    /// statistics from all bands, so there is no seam. What reads all pixels at once, the attention, works on latents'
    /// resolution and on the whole.
    /// </summary>
    /// <param name="latents"><c>[1, H, W, LatentChannels]</c></param>
    /// <param name="rows">Rows of latents in a band, from 1.</param>
    /// <returns><c>[1, 8 H, 8 W, OutChannels]</c>, about [-1, 1], not clamped.</returns>
    /// <remarks>
    /// Memory: of the two images a layer reads and writes, one is there; at 512 x 512 the widest is 268 MB in float32.
    /// </remarks>
    public Tensor ForwardInBands(Tensor latents, int rows)
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor whole = _convIn.Forward(latents);
        whole = whole.ReplacedBy(_middle.Forward(whole));
        Bands h = Bands.Of(whole, rows);
        whole.Dispose();
        foreach (Module step in _steps)
        {
            h = step is ResnetBlock resnet ? resnet.Forward(h) : Upsampled(h, (Conv2d)step);
        }

        BandNorm norm = _normOut.Fit(h);
        Bands image = new(h.Count);
        for (int i = 0; i < h.Count; i++)
        {
            using TensorScope band = TensorScope.Enter();
            image[i] = band.Keep(_convOut.Forward(norm.Apply(h.Widened(i, above: true)), h.Edges(i)));
        }

        return scope.Keep(image.Joined());
    }

    /// <summary>Every pixel twice along both axes, then convolved. Frees x.</summary>
    private static Bands Upsampled(Bands x, Conv2d conv)
    {
        using TensorScope scope = TensorScope.Enter();
        Bands y = new(x.Count);
        for (int i = 0; i < x.Count; i++)
        {
            y[i] = Upsampled(x, i, conv);
            if (i > 0)
            {
                x.Free(i - 1);
            }
        }

        x.Free(x.Count - 1);
        return y.KeptBy(scope);
    }

    private static Tensor Upsampled(Bands x, int i, Conv2d conv)
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor band = x.Widened(i, above: true);
        Tensor wide = Ops.UpsampleNearest(band, 2 * band.Shape[1], 2 * band.Shape[2]);

        // Of the two rows a neighbour's row became, the convolution reads the near one.
        int above = i > 0 ? 1 : 0, below = i < x.Count - 1 ? 1 : 0;
        Tensor read = Bands.RowsOf(wide, above, wide.Shape[1] - above - below);
        return scope.Keep(conv.Forward(read, x.Edges(i)));
    }
}
