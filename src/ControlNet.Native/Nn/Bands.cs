using System;
using System.Collections.Generic;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Nn;

/// <summary>
/// One image as consecutive bands of rows, so that layers go over it band by band and what they have read is freed on
/// the way: two layers' images are never whole at once. The bands belong to the scope they are made in.
/// </summary>
internal sealed class Bands
{
    private readonly Tensor?[] _bands;

    /// <param name="count">How many bands there will be; each is set once.</param>
    public Bands(int count) => _bands = new Tensor?[count];

    /// <summary>How many bands there are.</summary>
    public int Count => _bands.Length;

    /// <summary>A band, <c>[1, rows, W, C]</c>.</summary>
    public Tensor this[int index]
    {
        get => _bands[index] ?? throw new InvalidOperationException($"band {index} is not there");
        set => _bands[index] = value;
    }

    /// <summary>All bands, from the top.</summary>
    public IEnumerable<Tensor> All
    {
        get
        {
            for (int i = 0; i < Count; i++)
            {
                yield return this[i];
            }
        }
    }

    /// <summary>Cuts an image; the bands share its memory.</summary>
    /// <param name="image"><c>[1, H, W, C]</c></param>
    /// <param name="rows">Rows of a band; the last takes what is left.</param>
    public static Bands Of(Tensor image, int rows)
    {
        int height = image.Shape[1];
        Bands bands = new((height + rows - 1) / rows);
        for (int i = 0; i < bands.Count; i++)
        {
            bands[i] = RowsOf(image, i * rows, Math.Min(rows, height - (i * rows)));
        }

        return bands;
    }

    /// <summary>
    /// Rows of an image, sharing its memory. The views between stay until the scope ends, and cost nothing but that.
    /// </summary>
    /// <param name="image"><c>[1, H, W, C]</c></param>
    /// <param name="start">First row.</param>
    /// <param name="count">How many.</param>
    public static Tensor RowsOf(Tensor image, int start, int count)
    {
        Shape shape = image.Shape;
        using Tensor flat = image.Reshape(shape[1], shape[2], shape[3]);
        using Tensor rows = flat.Rows(start, count);
        return rows.Reshape(1, count, shape[2], shape[3]);
    }

    /// <summary>A band with a row of its neighbours, where it has any; the band itself where none is wanted.</summary>
    /// <param name="index">Which.</param>
    /// <param name="above">Whether with the last row of the band above.</param>
    public Tensor Widened(int index, bool above)
    {
        List<Tensor> parts = [this[index]];
        if (above && index > 0)
        {
            parts.Insert(0, RowsOf(this[index - 1], this[index - 1].Shape[1] - 1, 1));
        }

        if (index + 1 < Count)
        {
            parts.Add(RowsOf(this[index + 1], 0, 1));
        }

        return parts.Count == 1 ? parts[0] : Ops.Concat(1, parts.ToArray().AsSpan());
    }

    /// <summary>
    /// The zeros a 3x3 convolution of a widened band wants: above the first band, below the last, beside all.
    /// </summary>
    public Padding Edges(int index) => new(index == 0 ? 1 : 0, index == Count - 1 ? 1 : 0, 1, 1);

    /// <summary>Frees a band.</summary>
    public void Free(int index) => this[index].Dispose();

    /// <summary>Hands the bands to the scope around <paramref name="scope"/>.</summary>
    public Bands KeptBy(TensorScope scope)
    {
        foreach (Tensor band in All)
        {
            scope.Keep(band);
        }

        return this;
    }

    /// <summary>The whole image; the bands are freed.</summary>
    public Tensor Joined()
    {
        Tensor image = Ops.Concat(1, _bands.AsSpan()!);
        foreach (Tensor band in All)
        {
            band.Dispose();
        }

        return image;
    }
}
