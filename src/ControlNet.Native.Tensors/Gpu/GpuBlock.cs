using System.Threading;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>A block of device memory. Disposing returns it to the pool, while launches may still be using it.</summary>
internal sealed class GpuBlock(GpuMemory pool, nint memory, long bytes) : MemoryBlock
{
    private nint _memory = memory;

    public override long Bytes { get; } = bytes;

    public override nint HostAddress => 0;

    /// <summary>The driver's handle: a buffer object of OpenCL, an address of CUDA; zero once returned.</summary>
    public nint Memory => _memory;

    public override void Dispose()
    {
        nint mine = Interlocked.Exchange(ref _memory, 0);
        if (mine != 0)
        {
            pool.Return(mine, Bytes);
        }
    }
}
