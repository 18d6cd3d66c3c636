using System;
using System.Collections.Generic;
using System.Threading;

namespace ControlNet.Native.Tensors;

/// <summary>
/// Frees every tensor made inside it, except those handed to <see cref="Keep"/>. Scopes nest and belong to one thread.
/// </summary>
public sealed class TensorScope : IDisposable
{
    [ThreadStatic]
    private static TensorScope? s_current;

    private readonly TensorScope? _outer;
    private readonly List<Tensor> _owned = [];
    private bool _closed;

    private TensorScope(TensorScope? outer, CancellationToken cancellation)
    {
        _outer = outer;
        Cancellation = cancellation;
    }

    internal static TensorScope? Current => s_current;

    /// <summary>Checked by every op before it starts.</summary>
    internal CancellationToken Cancellation { get; }

    /// <summary>Opens a scope; dispose it to close it. It inherits the cancellation of the scope around it.</summary>
    public static TensorScope Enter() =>
        s_current = new TensorScope(s_current, s_current?.Cancellation ?? CancellationToken.None);

    /// <summary>Opens a scope in which every op first checks <paramref name="cancellation"/>.</summary>
    public static TensorScope Enter(CancellationToken cancellation) =>
        s_current = new TensorScope(s_current, cancellation);

    /// <summary>Hands <paramref name="tensor"/> to the enclosing scope, or to the caller when there is none.</summary>
    /// <returns>The same tensor.</returns>
    public Tensor Keep(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        if (ReferenceEquals(tensor.Owner, this))
        {
            Release(tensor);
            _outer?.Adopt(tensor);
        }

        return tensor;
    }

    internal void Adopt(Tensor tensor)
    {
        tensor.Owner = this;
        _owned.Add(tensor);
    }

    internal void Release(Tensor tensor)
    {
        // The tensor released is nearly always the last one made.
        int at = _owned.LastIndexOf(tensor);
        if (at >= 0)
        {
            _owned.RemoveAt(at);
        }

        tensor.Owner = null;
    }

    /// <summary>Closes the scope and frees what it owns.</summary>
    public void Dispose()
    {
        if (_closed)
        {
            return;
        }

        _closed = true;
        s_current = _outer;
        foreach (Tensor tensor in _owned)
        {
            tensor.Owner = null;
            tensor.Dispose();
        }
    }
}
