using System;

namespace ControlNet.Native.Tensors.Contracts;

/// <summary>
/// One way of computing. A new backend derives from this class and the compiler lists what it still owes;
/// a new op family adds one line here and the compiler lists the backends that still owe it.
/// </summary>
internal abstract class Backend : IDisposable
{
    /// <summary>Name as users write it, for example <c>cpu</c> or <c>cuda:0</c>.</summary>
    public abstract string Name { get; }

    /// <summary>What it is, in words.</summary>
    public abstract string Description { get; }

    public abstract long BytesInUse { get; }

    public abstract long BlocksInUse { get; }

    public abstract void Trim();

    /// <summary>Blocks until everything queued so far has finished, and rethrows the first asynchronous failure.</summary>
    public abstract void Synchronize();

    public abstract void Dispose();
}
