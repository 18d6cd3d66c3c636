using System;

namespace ControlNet.Native.Tensors;

/// <summary>
/// Something that computes: the CPU, later a GPU. Tensors belong to one device. A device serves one thread at a time;
/// two threads that want to work at once open two devices.
/// </summary>
public sealed class Device : IDisposable
{
    internal Device(Contracts.Backend backend) => Backend = backend;

    /// <summary>Name as users write it, for example <c>cpu</c>.</summary>
    public string Name => Backend.Name;

    /// <summary>What it is, in words: instruction set and threads, or the GPU's own name.</summary>
    public string Description => Backend.Description;

    /// <summary>Bytes of tensors alive on this device now.</summary>
    public long BytesInUse => Backend.BytesInUse;

    /// <summary>Blocks of tensors alive on this device now; 0 again after everything was disposed.</summary>
    public long BlocksInUse => Backend.BlocksInUse;

    internal Contracts.Backend Backend { get; }

    /// <summary>
    /// Returns memory kept for reuse to the system. Call it when a model was disposed and none follows.
    /// </summary>
    public void Trim() => Backend.Trim();

    /// <summary>Writes the name.</summary>
    public override string ToString() => Name;

    /// <summary>Frees the device's threads and memory. Its tensors are no longer usable.</summary>
    public void Dispose() => Backend.Dispose();
}
