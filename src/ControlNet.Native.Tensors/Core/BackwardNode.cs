using System.Collections.Generic;

namespace ControlNet.Native.Tensors;

/// <summary>
/// One recorded operation: what it keeps of its inputs, and how their gradients follow from that of its result. What it
/// keeps are views, so that a caller may free the tensors themselves.
/// </summary>
internal abstract class BackwardNode
{
    private readonly List<Tensor> _saved = [];

    /// <summary>The result, set when the node is recorded.</summary>
    public Variable Output { get; set; } = null!;

    /// <summary>
    /// Adds the gradients of the inputs that want one. <paramref name="dy"/> is that of the output; whoever hands it on
    /// as the gradient of an input leaves it unchanged.
    /// </summary>
    public abstract void Run(Tensor dy, Gradients gradients);

    /// <summary>Frees what the node kept.</summary>
    public void Release()
    {
        foreach (Tensor tensor in _saved)
        {
            tensor.Dispose();
        }

        _saved.Clear();
    }

    /// <summary>Keeps the elements of an input or result until <see cref="Release"/>.</summary>
    protected Tensor Save(Tensor tensor)
    {
        Tensor view = tensor.Share();
        _saved.Add(view);
        return view;
    }

    /// <summary>The same for an input that may be absent.</summary>
    protected Tensor? SaveOptional(Tensor? tensor) => tensor is null ? null : Save(tensor);
}
