using System.Threading;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>A block of device memory. Disposing returns it to the pool, while launches may still be using it.</summary>
/// <param name="pool">Where it goes back to.</param>
/// <param name="region">What it was cut from.</param>
/// <param name="start">First byte in the region, a multiple of 256.</param>
/// <param name="bytes">Its size.</param>
internal sealed class GpuBlock(GpuMemory pool, GpuRegion region, long start, long bytes) : MemoryBlock
{
    private GpuRegion? _region = region;

    public override long Bytes { get; } = bytes;

    public override nint HostAddress => 0;

    /// <summary>The driver's handle of the region: a buffer object of OpenCL, an address of CUDA.</summary>
    public nint Memory { get; } = region.Memory;

    /// <summary>First byte of the block in <see cref="Memory"/>, a multiple of 256.</summary>
    public long Start { get; } = start;

    public override void Dispose()
    {
        GpuRegion? mine = Interlocked.Exchange(ref _region, null);
        if (mine is not null)
        {
            pool.Return(mine, Start, Bytes);
        }
    }
}
