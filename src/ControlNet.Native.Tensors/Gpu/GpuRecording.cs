using System.Collections.Generic;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>Launches a driver has recorded, and the memory they write to beside that of tensors.</summary>
/// <param name="recorder">Whose it is.</param>
/// <param name="handle">The driver's handle.</param>
/// <param name="temporaries">Memory of what was freed while recording; belongs to this.</param>
internal sealed class GpuRecording(IGpuRecorder recorder, nint handle, List<GpuBlock> temporaries) : RecordedWork
{
    private bool _disposed;

    public override void Queue() => recorder.QueueRecording(handle);

    public override void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        recorder.FreeRecording(handle);
        foreach (GpuBlock block in temporaries)
        {
            block.Dispose();
        }
    }
}
