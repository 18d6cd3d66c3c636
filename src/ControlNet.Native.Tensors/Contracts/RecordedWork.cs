using System;

namespace ControlNet.Native.Tensors.Contracts;

/// <summary>
/// Work a backend has recorded: the same launches with the same arguments on the same memory, each time it is replayed.
/// Holds the memory of the temporaries until it is disposed.
/// </summary>
internal abstract class RecordedWork : IDisposable
{
    /// <summary>Queues the work once more.</summary>
    public abstract void Queue();

    public abstract void Dispose();
}
