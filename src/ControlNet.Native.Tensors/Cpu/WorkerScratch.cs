using System;
using System.Runtime.InteropServices;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// Memory one worker keeps between items: packed tiles, widened panels. Grows on demand, content undefined.
/// </summary>
internal sealed unsafe class WorkerScratch : IDisposable
{
    private const nuint CacheLine = 64;

    private float* _floats;
    private long _count;

    /// <summary>Bytes held now.</summary>
    public long Bytes => _count * sizeof(float);

    /// <summary>
    /// At least <paramref name="count"/> floats, aligned to 64 bytes, until the next call on this worker.
    /// </summary>
    public float* Floats(long count)
    {
        if (count > _count)
        {
            Dispose();
            _floats = (float*)NativeMemory.AlignedAlloc(checked((nuint)count * sizeof(float)), CacheLine);
            _count = count;
        }

        return _floats;
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_floats);
        _floats = null;
        _count = 0;
    }
}
