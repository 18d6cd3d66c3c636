namespace ControlNet.Native.Tensors.Contracts;

/// <summary>
/// Everything a group-norm kernel must know besides its buffers. Activations are channels-last:
/// <c>x</c> is <c>[Batch, Spatial, Channels]</c> with <c>Channels = Groups * ChannelsPerGroup</c>.
/// </summary>
/// <param name="Batch">Images in the batch, N.</param>
/// <param name="Spatial">Pixels of one image, H * W.</param>
/// <param name="Channels">Channels of one pixel, C.</param>
/// <param name="Groups">Groups the channels are split into; divides <paramref name="Channels"/>.</param>
/// <param name="Eps">Added to the variance before the square root; dimensionless, above 0.</param>
/// <param name="Activation">Applied to the affine result before it is stored.</param>
internal readonly record struct GroupNormDims(
    int Batch, int Spatial, int Channels, int Groups, float Eps, Activation Activation)
{
    /// <summary>Channels that share one mean and one variance.</summary>
    public int ChannelsPerGroup => Channels / Groups;

    /// <summary>Checks the shapes of one call and derives its dims. Touches no memory.</summary>
    /// <exception cref="ShapeException">The shapes do not fit; the message says which and how.</exception>
    public static GroupNormDims Infer(Shape x, Shape gamma, Shape beta, int groups, float eps, Activation activation)
    {
        if (x.Rank != 4)
        {
            throw new ShapeException($"GroupNorm: x must be [N, H, W, C], got {x}");
        }

        int channels = x[3];
        if (groups <= 0 || channels % groups != 0)
        {
            throw new ShapeException($"GroupNorm: {groups} groups do not divide the {channels} channels of x {x}");
        }

        if (gamma != new Shape(channels) || beta != gamma)
        {
            throw new ShapeException(
                $"GroupNorm: gamma and beta must be [{channels}] to match x {x}, got gamma {gamma} and beta {beta}");
        }

        if (!(eps > 0f))
        {
            throw new ShapeException($"GroupNorm: eps must be above 0, got {eps}");
        }

        return new GroupNormDims(x[0], x[1] * x[2], channels, groups, eps, activation);
    }

    /// <summary>Layer norm: every row of x is an image of one pixel whose channels form one group.</summary>
    /// <exception cref="ShapeException">The shapes do not fit; the message says which and how.</exception>
    public static GroupNormDims InferRows(Shape x, Shape gamma, Shape beta, float eps)
    {
        if (x.Rank == 0 || gamma != new Shape(x[-1]) || beta != gamma)
        {
            throw new ShapeException(
                $"LayerNorm: gamma and beta must be [C] with C the last extent of x {x}, got gamma {gamma} and beta " +
                $"{beta}");
        }

        return new GroupNormDims((int)(x.Count / x[-1]), Spatial: 1, x[-1], Groups: 1, eps, Activation.None);
    }
}

/// <summary>
/// Group normalisation as a backend must provide it. Source: Wu and He, 2018, arXiv:1803.08494, eq. 1 to 4.
/// </summary>
/// <remarks>
/// Numerics: statistics are accumulated in float32 whatever the storage type, and the variance is the population
/// variance taken about the mean or a pivot near it (two passes, Welford or shifted sums), never E[x²] - E[x]² of x
/// itself in float32.
/// Backward takes the statistics from x again, by the arithmetic of forward, so nothing has to be kept for it; sums
/// over pixels and rows are accumulated in float32 over short runs and in float64 beyond.
/// Types: x and y have one, of those the backend has for activations; gamma, beta and all of backward are F32.
/// Aliasing: <c>y</c> may be <c>x</c>, <c>dx</c> may be <c>dy</c> or <c>x</c>; no other buffers may overlap.
/// </remarks>
internal interface IGroupNormKernels
{
    /// <summary>y = act((x - mean) * rstd * gamma + beta), mean and rstd of each group of each image.</summary>
    void Forward(in GroupNormDims d, BufferView x, BufferView gamma, BufferView beta, BufferView y);

    /// <summary>
    /// The gradients of x, gamma and beta from the gradient <paramref name="dy"/> of y. With n = (x - mean) * rstd and
    /// g = dy * act'(n * gamma + beta): dBeta = sum of g and dGamma = sum of g n over images and pixels;
    /// dx = rstd * (gamma g - mean of gamma g - n * mean of gamma g n), means over the group of an image.
    /// Each result may be none: a frozen layer wants dx alone.
    /// </summary>
    void Backward(
        in GroupNormDims d, BufferView x, BufferView gamma, BufferView beta, BufferView dy, BufferView dx,
        BufferView dGamma, BufferView dBeta);
}
