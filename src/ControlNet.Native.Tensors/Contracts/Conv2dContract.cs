namespace ControlNet.Native.Tensors.Contracts;

/// <summary>
/// One convolution. x is <c>[Batch, Height, Width, In]</c>, the weight <c>[Out, In, Kernel, Kernel]</c> before packing,
/// y <c>[Batch, OutHeight, OutWidth, Out]</c>.
/// </summary>
internal readonly record struct Conv2dDims(
    int Batch, int Height, int Width, int In, int Out, int Kernel, int Stride, Padding Padding, Activation Activation)
{
    /// <summary>What the packed weight holds.</summary>
    public Conv2dForm Form { get; init; }

    public int OutHeight => ((Height + Padding.Top + Padding.Bottom - Kernel) / Stride) + 1;

    public int OutWidth => ((Width + Padding.Left + Padding.Right - Kernel) / Stride) + 1;

    /// <summary>
    /// Checks the shapes of one call, derives its dims and the shape of the result. Touches no memory.
    /// </summary>
    /// <exception cref="ShapeException">The shapes do not fit; the message says which and how.</exception>
    public static Conv2dDims Infer(
        Shape x, Shape weight, Shape? bias, Shape? addRow, Shape? addTensor, int stride, Padding padding,
        Activation activation, out Shape result, Conv2dForm form = Conv2dForm.Direct)
    {
        if (x.Rank != 4)
        {
            throw new ShapeException($"Conv2d: x must be [N, H, W, C], got {x}");
        }

        if (weight.Rank != 4 || weight[2] != weight[3] || weight[1] != x[3])
        {
            throw new ShapeException($"Conv2d: weight must be [O, {x[3]}, K, K] to match x {x}, got {weight}");
        }

        if (stride <= 0 || padding.Top < 0 || padding.Bottom < 0 || padding.Left < 0 || padding.Right < 0)
        {
            throw new ShapeException(
                $"Conv2d: stride must be positive and padding not negative, got {stride} and {padding}");
        }

        if (form != Conv2dForm.Direct && stride != 1)
        {
            throw new ShapeException(
                $"Conv2d: weight {weight} was packed for stride 1, got stride {stride}; pack it for the stride it " +
                "is used with");
        }

        Conv2dDims d = new(x[0], x[1], x[2], x[3], weight[0], weight[2], stride, padding, activation) { Form = form };
        if (x[1] + padding.Top + padding.Bottom < d.Kernel || x[2] + padding.Left + padding.Right < d.Kernel)
        {
            throw new ShapeException(
                $"Conv2d: x {x} padded by {padding} is smaller than the {d.Kernel} x {d.Kernel} kernel");
        }

        if (bias is { } b && b != new Shape(d.Out))
        {
            throw new ShapeException($"Conv2d: bias must be [{d.Out}] to match weight {weight}, got {b}");
        }

        if (addRow is { } row && row != new Shape(d.Batch, d.Out))
        {
            throw new ShapeException(
                $"Conv2d: addRow must be [{d.Batch}, {d.Out}], one row for each image of x {x}, got {row}");
        }

        result = new Shape(d.Batch, d.OutHeight, d.OutWidth, d.Out);
        if (addTensor is { } added && added != result)
        {
            throw new ShapeException($"Conv2d: addTensor must be {result} like the result, got {added}");
        }

        return d;
    }
}

/// <summary>
/// Two-dimensional convolution (cross-correlation, as every network calls it) on channels-last images.
/// </summary>
/// <remarks>
/// Numerics: float32 accumulation in blocks over K = In * Kernel * Kernel, or over In by Winograd's algorithm, within
/// 5e-6 (relative root mean square) of double. Never materialises the im2col matrix.
/// Types: forward takes x in any type the backend has for activations and y, with addTensor, in any; with x in F16
/// packed is F16. All else is F32.
/// Aliasing: y, dx and dWeight overlap nothing, but <c>addTensor</c> may be y or dx.
/// </remarks>
internal interface IConv2dKernels
{
    /// <summary>
    /// The form for a weight <c>[outChannels, inChannels, kernel, kernel]</c> that is going to be used so; Direct when
    /// nothing is known of its use. Other forms than Direct are F32.
    /// </summary>
    Conv2dForm ChooseForm(int outChannels, int inChannels, int kernel, Conv2dUse? use);

    /// <summary>Elements a packed weight <c>[Out, In, Kernel, Kernel]</c> occupies, padding included.</summary>
    long PackedCount(int outChannels, int inChannels, int kernel, Conv2dForm form = Conv2dForm.Direct);

    /// <summary>
    /// Rearranges weight <c>[Out, In, Kernel, Kernel]</c> (F32, F16 or BF16) into the backend's layout, in the type of
    /// packed.
    /// </summary>
    void Pack(
        int outChannels, int inChannels, int kernel, BufferView weight, BufferView packed,
        Conv2dForm form = Conv2dForm.Direct);

    /// <summary>
    /// y = act(conv(x, w) + bias + addRow) + addTensor. bias is [Out], addRow [Batch, Out] (added to every pixel of its
    /// image), addTensor like y; each may be absent. packed is in the form that d tells.
    /// </summary>
    void Forward(
        in Conv2dDims d, BufferView x, BufferView packed, BufferView bias, BufferView addRow, BufferView addTensor,
        BufferView y);

    /// <summary>Elements a weight packed for the data gradient occupies, padding included.</summary>
    long PackedGradientCount(int outChannels, int inChannels, int kernel, int stride);

    /// <summary>
    /// Rearranges weight <c>[Out, In, Kernel, Kernel]</c> (F32, F16 or BF16) for <see cref="DataGradient"/> of a
    /// convolution of that stride, in the type of packed.
    /// </summary>
    void PackGradient(
        int outChannels, int inChannels, int kernel, int stride, BufferView weight, BufferView packed);

    /// <summary>
    /// dx[n, iy, ix, i] = the sum over o, ky, kx of dy[n, oy, ox, o] w[o, i, ky, kx] where oy * Stride + ky - Top = iy
    /// and ox * Stride + kx - Left = ix, + addTensor. d is the forward call's; dy, <c>[Batch, OutHeight, OutWidth,
    /// Out]</c>, is the gradient of its sum, in front of the activation, hence also that of addRow before the sum over
    /// pixels. addTensor is like dx, may be dx, and may be absent.
    /// </summary>
    void DataGradient(in Conv2dDims d, BufferView dy, BufferView packed, BufferView addTensor, BufferView dx);

    /// <summary>
    /// dWeight[o, i, ky, kx] = the sum over n, oy, ox of dy[n, oy, ox, o] x[n, oy * Stride + ky - Top, ox * Stride + kx
    /// - Left, i], added to what is there when accumulate. dWeight is F32 <c>[Out, In, Kernel, Kernel]</c>, not packed.
    /// </summary>
    /// <remarks>
    /// Numerics: float32 sums in blocks of at most 256 pixels; the same bits for every number of threads. An infinity
    /// or NaN in x may reach other taps of its input channel than those that meet it. The gradient of the bias is
    /// <see cref="IReduceKernels.Sum"/> over the pixels of dy, that of addRow over the pixels of each image.
    /// </remarks>
    void WeightGradient(in Conv2dDims d, BufferView x, BufferView dy, bool accumulate, BufferView dWeight);
}
