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

    public abstract IPointwiseKernels Pointwise { get; }

    public abstract IMovementKernels Movement { get; }

    public abstract IReduceKernels Reduce { get; }

    public abstract IMatMulKernels MatMul { get; }

    public abstract IConv2dKernels Conv2d { get; }

    public abstract IGroupNormKernels GroupNorm { get; }

    public abstract IAttentionKernels Attention { get; }

    public abstract IAdamWKernels AdamW { get; }

    /// <summary>Bytes handed out and not returned.</summary>
    public abstract long BytesInUse { get; }

    /// <summary>Blocks handed out and not returned.</summary>
    public abstract long BlocksInUse { get; }

    /// <summary>The most bytes handed out at once.</summary>
    public abstract long PeakBytesInUse { get; }

    /// <summary>The most bytes held at once: handed out, or kept for reuse.</summary>
    public abstract long PeakBytes { get; }

    /// <summary>
    /// Whether tensors have elements. A backend that only plans has none: nothing is uploaded to it, and what is
    /// downloaded from it is zeros.
    /// </summary>
    public virtual bool HoldsData => true;

    /// <summary>
    /// Whether operations take and give activations stored so; those of gradients and of the optimiser are F32 alone.
    /// </summary>
    public virtual bool SupportsActivations(DType type) => type == DType.F32;

    /// <summary>
    /// A backend that takes the memory this one would take for the same calls, without holding or computing anything.
    /// </summary>
    public abstract Backend CreatePlanner();

    /// <summary>Hands out a block; its content is undefined.</summary>
    /// <exception cref="DeviceMemoryException">There is not that much memory.</exception>
    public abstract MemoryBlock Allocate(long bytes);

    /// <summary>Copies from the host; the source may be reused at once.</summary>
    public abstract void Upload(ReadOnlySpan<byte> source, BufferView destination);

    /// <summary>Waits for what was queued and copies to the host.</summary>
    public abstract void Download(BufferView source, Span<byte> destination);

    /// <summary>Returns memory kept for reuse to the system.</summary>
    public abstract void Trim();

    /// <summary>Whether <see cref="Record"/> records.</summary>
    public virtual bool CanRecord => false;

    /// <summary>
    /// Calls <paramref name="work"/> and records what it queues instead of doing it. It runs on memory that is there:
    /// where it asks for more, waits, or copies from or to the host, nothing is recorded.
    /// </summary>
    /// <param name="work">Operations of this backend. Of what they allocate one block at most may be left.</param>
    /// <returns>The recording, the caller's; null where there is none and nothing was done.</returns>
    /// <exception cref="InvalidOperationException">More is left, which nothing has computed.</exception>
    public virtual RecordedWork? Record(Action work) => null;

    /// <summary>
    /// Blocks until everything queued so far has finished, and rethrows the first asynchronous failure.
    /// </summary>
    public abstract void Synchronize();

    public abstract void Dispose();
}
