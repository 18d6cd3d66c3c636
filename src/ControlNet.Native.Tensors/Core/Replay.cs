using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors;

/// <summary>
/// Work that is done over and over with other numbers of the same shapes, such as a network in a denoising loop. A
/// device that can (CUDA) records its launches and from then on queues all of them with one call; what comes out has
/// the same bits. On any other device the work is simply done. Belongs to one thread; dispose it before what the work
/// reads.
/// </summary>
/// <remarks>
/// A recording reads and writes the same memory each time. What changes from one run to the next is therefore handed in
/// as inputs, which are copied to where the recording reads, and anything else the work reads must stay as and where it
/// is until the name changes.
/// </remarks>
public sealed class Replay : IDisposable
{
    /// <summary>
    /// Recordings that may fail before the work is done without: one fails where the pool has to grow, and then the
    /// pool has grown.
    /// </summary>
    private const int Attempts = 3;

    private readonly Backend _backend;
    private string? _name;
    private int _failures;
    private Tensor[] _inputs = [];
    private Tensor? _result;
    private RecordedWork? _recorded;
    private bool _disposed;

    /// <summary>Nothing is recorded yet.</summary>
    /// <param name="device">Where the work is done.</param>
    public Replay(Device device)
    {
        ArgumentNullException.ThrowIfNull(device);
        _backend = device.Backend;
    }

    /// <summary>
    /// Whether work of this name was begun before and nothing else since, so that <see cref="Run"/> may record it. If
    /// not, what was recorded is freed, and the caller does the work once as it pleases: kernels are built, and what is
    /// kept for later runs is computed. Never on a device that does not record.
    /// </summary>
    /// <param name="name">Differs where the work launches or reads anything else.</param>
    public bool Repeats(string name)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(name);
        if (!_backend.CanRecord || Tape.Current is not null)
        {
            return false;
        }

        if (name == _name)
        {
            return true;
        }

        Forget();
        (_name, _failures) = (name, 0);
        return false;
    }

    /// <summary>
    /// Does work that <see cref="Repeats"/>: records it where it is not yet recorded, and replays it.
    /// </summary>
    /// <param name="inputs">What the work is to read this time; types and shapes are those of the other runs.</param>
    /// <param name="work">
    /// The work, over the inputs it is handed. It neither copies from or to the host nor keeps anything but its result,
    /// a tensor that it makes; where it does copy, it is never recorded.
    /// </param>
    /// <returns>The result, a tensor of the caller's scope or the caller's to free.</returns>
    /// <exception cref="ShapeException">The inputs are not of the types and shapes that were recorded.</exception>
    /// <exception cref="InvalidOperationException">The work keeps more than its result.</exception>
    public Tensor Run(IReadOnlyList<Tensor> inputs, Func<IReadOnlyList<Tensor>, Tensor> work)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(work);
        if (_recorded is null && !TryRecord(inputs, work))
        {
            return work(inputs);
        }

        if (!inputs.Select(Kind).SequenceEqual(_inputs.Select(Kind)))
        {
            throw new ShapeException(
                $"Replay: '{_name}' was recorded with {string.Join(", ", (object[])_inputs)}, got " +
                $"{string.Join(", ", inputs)}; give other shapes another name");
        }

        for (int i = 0; i < _inputs.Length; i++)
        {
            Copy(inputs[i], _inputs[i]);
        }

        _recorded!.Queue();
        Tensor result = new(_backend, _result!.Shape, _result.DType);
        Copy(_result, result);
        return result;
    }

    /// <summary>Frees what was recorded. Disposing twice is allowed.</summary>
    public void Dispose()
    {
        _disposed = true;
        Forget();
    }

    /// <summary>
    /// Records the work over inputs that stay where they are, also after a failure: what is then done at once takes the
    /// memory that the next recording finds.
    /// </summary>
    private bool TryRecord(IReadOnlyList<Tensor> inputs, Func<IReadOnlyList<Tensor>, Tensor> work)
    {
        if (_failures == Attempts)
        {
            Forget();
            return false;
        }

        if (_inputs.Length == 0)
        {
            using TensorScope scope = TensorScope.Enter();
            Tensor[] made = [.. inputs.Select(input => new Tensor(_backend, input.Shape, input.DType))];
            _inputs = [.. made.Select(input => input.Detach())];
        }

        Tensor? result = null;
        try
        {
            _recorded = _backend.Record(() =>
            {
                using TensorScope scope = TensorScope.Enter();
                result = work(_inputs).Detach();
            });
        }
        finally
        {
            if (_recorded is null)
            {
                _failures++;
                result?.Dispose();
            }
        }

        _result = _recorded is null ? null : result;
        return _recorded is not null;
    }

    private void Forget()
    {
        _recorded?.Dispose();
        _recorded = null;
        _result?.Dispose();
        _result = null;
        foreach (Tensor input in _inputs)
        {
            input.Dispose();
        }

        _inputs = [];
    }

    private static (Shape Shape, DType Type) Kind(Tensor tensor) => (tensor.Shape, tensor.DType);

    private void Copy(Tensor source, Tensor destination) => _backend.Movement.CopyRows(
        new CopyRowsDims(1, source.Shape.Count, 0, 0, 0, 0), source.View, destination.View);
}
