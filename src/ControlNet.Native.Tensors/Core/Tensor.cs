using System;
using System.Runtime.InteropServices;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors;

/// <summary>
/// A dense array on one device. Ops never change their inputs; they return new tensors. A tensor made inside a
/// <see cref="TensorScope"/> is freed with the scope; outside of one its maker disposes it.
/// </summary>
public sealed partial class Tensor : IDisposable
{
    private MemoryBlock? _block;
    private readonly Storage _storage;
    private readonly long _offset;

    /// <summary>
    /// A new tensor with undefined content. Every op passes here, which is what makes cancellation prompt.
    /// </summary>
    internal Tensor(Backend backend, Shape shape, DType type = DType.F32)
    {
        TensorScope.Current?.Cancellation.ThrowIfCancellationRequested();
        Backend = backend;
        Shape = shape;
        DType = type;
        _storage = new Storage(backend.Allocate(Math.Max(1, shape.Count) * type.ElementBytes()));
        _block = _storage.Block;
        TensorScope.Current?.Adopt(this);
    }

    /// <summary>A view that shares the storage of <paramref name="source"/> and keeps it alive.</summary>
    private Tensor(Tensor source, Shape shape, long offset)
    {
        Backend = source.Backend;
        Shape = shape;
        DType = source.DType;
        _storage = source._storage;
        _block = source.Block;
        _offset = offset;
        _storage.AddOwner();
        TensorScope.Current?.Adopt(this);
    }

    /// <summary>The extents, outermost first.</summary>
    public Shape Shape { get; }

    /// <summary>How an element is stored.</summary>
    public DType DType { get; }

    /// <summary>Bytes of the elements.</summary>
    public long Bytes => Shape.Count * DType.ElementBytes();

    internal Backend Backend { get; }

    /// <summary>The scope that frees this tensor; null when its maker does.</summary>
    internal TensorScope? Owner { get; set; }

    /// <summary>Whether training changes this tensor, see <see cref="RequireGradient"/>.</summary>
    public bool RequiresGradient => Variable?.Leaf is not null;

    /// <summary>What a gradient of this tensor belongs to; null when none is wanted.</summary>
    internal Variable? Variable { get; set; }

    /// <summary>Whether another tensor shares the memory.</summary>
    internal bool IsShared => _storage.Owners > 1;

    internal BufferView View => new(Block, DType, _offset, Shape.Count);

    private MemoryBlock Block =>
        _block ?? throw new ObjectDisposedException(
            nameof(Tensor), $"the tensor {Shape} was disposed or its scope was closed");

    /// <summary>
    /// Asks every <see cref="Tape"/> for the gradient of this tensor: it is a parameter from now on.
    /// </summary>
    /// <returns>This tensor.</returns>
    /// <exception cref="TapeException">The tensor is not F32, or was itself computed under a tape.</exception>
    public Tensor RequireGradient()
    {
        if (DType != DType.F32 || Variable is { Leaf: null })
        {
            throw new TapeException(
                $"RequireGradient: a parameter is an F32 tensor that was not computed under a tape, got {this}" +
                (Variable is null ? "; cast it first" : ", a recorded result"));
        }

        Variable ??= Variable.OfLeaf(this);
        return this;
    }

    /// <summary>Takes the tensor out of its scope; whoever calls this disposes it.</summary>
    /// <returns>This tensor.</returns>
    public Tensor Detach()
    {
        Owner?.Release(this);
        return this;
    }

    /// <summary>Returns the memory to the device's pool, once no view shares it. Disposing twice is allowed.</summary>
    public void Dispose()
    {
        if (_block is not null)
        {
            _block = null;
            _storage.RemoveOwner();
        }
    }

    /// <summary>Writes type and shape, for example <c>F32 [2, 64, 64, 320]</c>.</summary>
    public override string ToString() => $"{DType.Name()} {Shape}";

    /// <summary>A block and the number of tensors that share it.</summary>
    private sealed class Storage(MemoryBlock block)
    {
        private int _owners = 1;

        public MemoryBlock Block { get; } = block;

        public int Owners => _owners;

        public void AddOwner() => _owners++;

        public void RemoveOwner()
        {
            if (--_owners == 0)
            {
                Block.Dispose();
            }
        }
    }
}
