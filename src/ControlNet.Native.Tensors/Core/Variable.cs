namespace ControlNet.Native.Tensors;

/// <summary>
/// Something a gradient can belong to: a leaf, which is a tensor the user asked the gradient of, or the result of a
/// recorded operation. Views of the same elements share it.
/// </summary>
internal sealed class Variable
{
    private Variable(Shape shape, Tensor? leaf, Tape? tape) => (Shape, Leaf, Tape) = (shape, leaf, tape);

    /// <summary>Shape of the gradient.</summary>
    public Shape Shape { get; }

    /// <summary>The tensor itself where it is a leaf; else null, for a result does not outlive its scope.</summary>
    public Tensor? Leaf { get; }

    /// <summary>The tape a result was recorded on; null for a leaf, which any tape may read.</summary>
    public Tape? Tape { get; }

    public static Variable OfLeaf(Tensor leaf) => new(leaf.Shape, leaf, null);

    public static Variable OfResult(Tensor result, Tape tape) => new(result.Shape, null, tape);
}
