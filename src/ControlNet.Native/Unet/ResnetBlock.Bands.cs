using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Unet;

/// <content>The block on an image in bands, without a time embedding: that of the autoencoder.</content>
internal sealed partial class ResnetBlock
{
    /// <summary>
    /// The same function, up to rounding: norms take their statistics from all bands. Frees each band of x, and of what
    /// lies between, when its last reader has read it.
    /// </summary>
    /// <param name="x">Freed.</param>
    /// <returns>Bands of as many rows.</returns>
    public Bands Forward(Bands x)
    {
        using TensorScope scope = TensorScope.Enter();
        int count = x.Count;
        Bands h = new(count), y = new(count), added = _shortcut is null ? x : new Bands(count);
        BandNorm norm = _norm1.Fit(x);
        for (int i = 0; i < count; i++)
        {
            h[i] = Convolved(x, i, norm, _conv1);
            if (_shortcut is not null)
            {
                added[i] = _shortcut.Forward(x[i]);
                FreeRead(x, i);
            }
        }

        norm = _norm2.Fit(h);
        for (int i = 0; i < count; i++)
        {
            y[i] = Convolved(h, i, norm, _conv2, added[i]);
            added.Free(i);
            FreeRead(h, i);
        }

        return y.KeptBy(scope);
    }

    /// <summary>After band i was computed, nobody reads band i - 1; after the last, nobody reads that.</summary>
    private static void FreeRead(Bands bands, int i)
    {
        if (i > 0)
        {
            bands.Free(i - 1);
        }

        if (i == bands.Count - 1)
        {
            bands.Free(i);
        }
    }

    private static Tensor Convolved(Bands x, int i, BandNorm norm, Conv2d conv, Tensor? addTensor = null)
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor band = norm.Apply(x.Widened(i, above: true));
        return scope.Keep(conv.Forward(band, x.Edges(i), addTensor));
    }
}
