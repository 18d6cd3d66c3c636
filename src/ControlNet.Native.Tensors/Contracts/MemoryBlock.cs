using System;

namespace ControlNet.Native.Tensors.Contracts;

/// <summary>A block of device memory as its pool hands it out. Disposing returns it to the pool.</summary>
internal abstract class MemoryBlock : IDisposable
{
    /// <summary>Usable bytes.</summary>
    public abstract long Bytes { get; }

    /// <summary>Host address, aligned to 64 bytes; zero when the block lives on a device.</summary>
    public abstract nint HostAddress { get; }

    public abstract void Dispose();
}
