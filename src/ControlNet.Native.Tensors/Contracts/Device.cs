using System;
using System.Threading;

namespace ControlNet.Native.Tensors;

/// <summary>
/// Something that computes: the CPU, later a GPU. Tensors belong to one device. A device serves one thread at a time:
/// loading and generating reserve it, others wait their turn; threads that want to work at once open a device each.
/// </summary>
public sealed class Device : IDisposable
{
    /// <summary>How long a thread that waits for the device sleeps before it looks at its cancellation again.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(20);

    private readonly object _turn = new();

    internal Device(Contracts.Backend backend) => Backend = backend;

    /// <summary>Name as users write it, for example <c>cpu</c>.</summary>
    public string Name => Backend.Name;

    /// <summary>What it is, in words: instruction set and threads, or the GPU's own name.</summary>
    public string Description => Backend.Description;

    /// <summary>Bytes of tensors alive on this device now.</summary>
    public long BytesInUse => Backend.BytesInUse;

    /// <summary>Blocks of tensors alive on this device now; 0 again after everything was disposed.</summary>
    public long BlocksInUse => Backend.BlocksInUse;

    /// <summary>The most bytes of tensors, weights and temporaries that were alive on this device at once.</summary>
    public long PeakBytesInUse => Backend.PeakBytesInUse;

    /// <summary>
    /// The most bytes this device has held at once: tensors, weights, temporaries of operations and blocks kept for
    /// reuse.
    /// </summary>
    public long PeakBytes => Backend.PeakBytes;

    /// <summary>
    /// Whether tensors of this device have elements; false for a device that only plans, see <see cref="ForPlanning"/>.
    /// </summary>
    public bool HoldsData => Backend.HoldsData;

    internal Contracts.Backend Backend { get; }

    /// <summary>
    /// A device on which models load and run without reading, holding or computing anything: afterwards its
    /// <see cref="PeakBytes"/> says what the same would take on this one. What is read from its tensors is zeros.
    /// </summary>
    /// <returns>A device that belongs to the caller.</returns>
    public Device ForPlanning() => new(Backend.CreatePlanner());

    /// <summary>
    /// Refuses a storage type of activations that the device's operations do not take: all take F32, GPUs F16 as well.
    /// </summary>
    /// <param name="type">How activations would be stored.</param>
    /// <exception cref="DeviceException">They do not.</exception>
    public void RequireActivations(DType type)
    {
        if (!Backend.SupportsActivations(type))
        {
            string cure = type == DType.F16
                ? "choose F32 with LoadOptions.Activations, or a GPU"
                : "choose F32, or F16 on a GPU";
            throw new DeviceException($"{Name} does not compute with {type.Name()} activations; {cure}");
        }
    }

    /// <summary>
    /// Waits until no other thread has the device and keeps it for this thread until the reservation is disposed, on
    /// the same thread. Reservations of one thread nest. Needed only by those who call <see cref="Ops"/> themselves
    /// while another thread uses the device.
    /// </summary>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    public DeviceReservation Reserve(CancellationToken cancellation = default)
    {
        while (!Monitor.TryEnter(_turn, s_patience))
        {
            cancellation.ThrowIfCancellationRequested();
        }

        return new DeviceReservation(_turn);
    }

    /// <summary>
    /// Returns memory kept for reuse to the system. Call it when a model was disposed and none follows.
    /// </summary>
    public void Trim() => Backend.Trim();

    /// <summary>Writes the name.</summary>
    public override string ToString() => Name;

    /// <summary>Frees the device's threads and memory. Its tensors are no longer usable.</summary>
    public void Dispose() => Backend.Dispose();
}
