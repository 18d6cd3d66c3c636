namespace ControlNet.Native.Tensors.Contracts;

/// <summary>A product with a packed weight: x <c>[Rows, In]</c> times the transpose of w <c>[Out, In]</c>.</summary>
internal readonly record struct LinearDims(int Rows, int In, int Out, Activation Activation)
{
    /// <summary>Checks the shapes of one call and derives its dims. Touches no memory.</summary>
    /// <exception cref="ShapeException">The shapes do not fit; the message says which and how.</exception>
    public static LinearDims Infer(
        string op, Shape x, Shape weight, Shape? bias, Shape? addTensor, Activation activation, out Shape result)
    {
        if (x.Rank == 0 || weight.Rank != 2 || x[-1] != weight[1])
        {
            throw new ShapeException(
                $"{op}: weight {weight} needs x [..., {(weight.Rank == 2 ? weight[1] : -1)}], got {x}");
        }

        if (bias is { } b && b != new Shape(weight[0]))
        {
            throw new ShapeException($"{op}: bias must be [{weight[0]}] to match weight {weight}, got {b}");
        }

        result = x.WithLast(weight[0]);
        if (addTensor is { } added && added.Count != result.Count)
        {
            throw new ShapeException($"{op}: addTensor must have the elements of the result {result}, got {added}");
        }

        return new LinearDims(x[-1] == 0 ? 0 : (int)(x.Count / x[-1]), weight[1], weight[0], activation);
    }

    /// <summary>
    /// The same for a product of values and gates, each half of the weight's rows. The result has the values' extent.
    /// </summary>
    /// <exception cref="ShapeException">The shapes do not fit; the message says which and how.</exception>
    public static LinearDims InferGeglu(Shape x, Shape weight, Shape? bias, out Shape result)
    {
        LinearDims d = Infer("LinearGeglu", x, weight, bias, null, Activation.None, out Shape both);
        if (d.Out % 2 != 0)
        {
            throw new ShapeException(
                $"LinearGeglu: weight must have as many rows for values as for gates, got {d.Out} in {weight}");
        }

        result = both.WithLast(d.Out / 2);
        return d;
    }
}

/// <summary>
/// A batch of products op(a) op(b): a is <c>[M, K]</c> or, transposed, <c>[K, M]</c>; b is <c>[K, N]</c> or
/// <c>[N, K]</c>. The batch is two-dimensional; a step of 0 repeats an operand along that axis.
/// </summary>
internal readonly record struct MatMulDims(
    int Batch0, int Batch1, int M, int K, int N, bool TransposeA, bool TransposeB, float Scale,
    long StepA0, long StepA1, long StepB0, long StepB1)
{
    /// <summary>
    /// Checks the shapes of one call, derives its dims and the shape of the result. Touches no memory.
    /// </summary>
    /// <exception cref="ShapeException">The shapes do not fit; the message says which and how.</exception>
    public static MatMulDims Infer(Shape a, Shape b, bool transposeA, bool transposeB, float scale, out Shape result)
    {
        if (a.Rank < 2 || b.Rank < 2)
        {
            throw new ShapeException($"MatMul: a and b must have at least two axes, got a {a} and b {b}");
        }

        (int m, int k) = transposeA ? (a[-1], a[-2]) : (a[-2], a[-1]);
        (int kb, int n) = transposeB ? (b[-1], b[-2]) : (b[-2], b[-1]);
        if (k != kb)
        {
            throw new ShapeException(
                $"MatMul: the inner extents differ, {k} of a {a}{(transposeA ? " transposed" : "")} " +
                $"against {kb} of b {b}{(transposeB ? " transposed" : "")}");
        }

        (int a0, int a1) = (a.Rank > 3 ? a[-4] : 1, a.Rank > 2 ? a[-3] : 1);
        (int b0, int b1) = (b.Rank > 3 ? b[-4] : 1, b.Rank > 2 ? b[-3] : 1);
        if ((a0 != b0 && a0 != 1 && b0 != 1) || (a1 != b1 && a1 != 1 && b1 != 1))
        {
            throw new ShapeException($"MatMul: the leading axes of a {a} and b {b} do not broadcast");
        }

        (int batch0, int batch1) = (a0 == 1 ? b0 : a0, a1 == 1 ? b1 : a1);
        result = System.Math.Max(a.Rank, b.Rank) switch
        {
            2 => new Shape(m, n),
            3 => new Shape(batch1, m, n),
            _ => new Shape(batch0, batch1, m, n),
        };
        long sizeA = (long)m * k, sizeB = (long)k * n;
        return new MatMulDims(
            batch0, batch1, m, k, n, transposeA, transposeB, scale,
            a0 == 1 ? 0 : a1 * sizeA, a1 == 1 ? 0 : sizeA, b0 == 1 ? 0 : b1 * sizeB, b1 == 1 ? 0 : sizeB);
    }
}

/// <summary>
/// Matrix products. Numerics: float32 accumulation in blocks; K up to 10,240 loses at most 4e-6 relative rms.
/// </summary>
/// <remarks>
/// Types: <see cref="Linear"/> takes x in any type the backend has for activations and y, with addTensor, in any; with
/// x in F16 packed is F16. <see cref="Product"/> takes one type. Gradients are F32.
/// Aliasing: y, dx and dWeight overlap nothing, but <c>addTensor</c> may be y or dx.
/// </remarks>
internal interface IMatMulKernels
{
    /// <summary>Elements a packed weight <c>[Out, In]</c> occupies, padding included.</summary>
    long PackedCount(int outFeatures, int inFeatures);

    /// <summary>
    /// Rearranges weight <c>[Out, In]</c> (F32, F16 or BF16) into the backend's layout, in the type of packed.
    /// </summary>
    void Pack(int outFeatures, int inFeatures, BufferView weight, BufferView packed);

    /// <summary>
    /// y = act(x w^T + bias) + addTensor; bias and addTensor may be absent. Weights are F32, F16 or BF16.
    /// </summary>
    void Linear(in LinearDims d, BufferView x, BufferView packed, BufferView bias, BufferView addTensor, BufferView y);

    /// <summary>
    /// y[r, c] = h[r, c] gelu(h[r, Out / 2 + c]) with h = x w^T + bias: y is <c>[Rows, Out / 2]</c>, Out even, d has no
    /// activation. bias may be absent. Types are those of <see cref="Linear"/>.
    /// </summary>
    /// <remarks>Numerics: h is float32, whatever type x and y have.</remarks>
    void LinearGeglu(in LinearDims d, BufferView x, BufferView packed, BufferView bias, BufferView y);

    /// <summary>y = scale * op(a) op(b) for every member of the batch.</summary>
    /// <remarks>
    /// The gradients of a product are products: of y = a b, da = dy b^T and db = a^T dy, and likewise for the other
    /// transposes. The gradient of an operand that the batch repeats is the sum over its repetitions.
    /// </remarks>
    void Product(in MatMulDims d, BufferView a, BufferView b, BufferView y);

    /// <summary>Elements a weight <c>[Out, In]</c> packed for the data gradient occupies, padding included.</summary>
    long PackedGradientCount(int outFeatures, int inFeatures);

    /// <summary>
    /// Rearranges weight <c>[Out, In]</c> (F32, F16 or BF16) for <see cref="LinearDataGradient"/>, in the type of
    /// packed.
    /// </summary>
    void PackGradient(int outFeatures, int inFeatures, BufferView weight, BufferView packed);

    /// <summary>
    /// dx <c>[Rows, In]</c> = dy w + addTensor. d is the forward call's; dy <c>[Rows, Out]</c> is the gradient of its
    /// sum, in front of the activation. addTensor is like dx, may be dx, and may be absent.
    /// </summary>
    void LinearDataGradient(in LinearDims d, BufferView dy, BufferView packed, BufferView addTensor, BufferView dx);

    /// <summary>
    /// dWeight <c>[Out, In]</c> (F32, not packed) = dy^T x, added to what is there when accumulate.
    /// </summary>
    /// <remarks>
    /// Numerics: float32 sums in blocks of at most 256 rows; the same bits for every number of threads. The gradient of
    /// the bias is <see cref="IReduceKernels.Sum"/> over the rows of dy.
    /// </remarks>
    void LinearWeightGradient(in LinearDims d, BufferView x, BufferView dy, bool accumulate, BufferView dWeight);
}
