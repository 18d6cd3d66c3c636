using System.Collections.Generic;

namespace ControlNet.Native.Tensors.Gpu;

/// <content>
/// Memory of recorded work. While work is recorded, blocks are cut and returned as ever, so that its temporaries lie as
/// those of the same work done at once; afterwards all memory it has passed through is kept from others.
/// </content>
internal sealed partial class GpuMemory
{
    private bool _isHolding;

    /// <summary>Begins: from here on nothing is taken from the driver or given back.</summary>
    public void BeginHold()
    {
        lock (_lock)
        {
            _isHolding = true;
            _small.ForEach(region => region.Watch());
            _large.ForEach(region => region.Watch());
        }
    }

    /// <summary>Ends.</summary>
    /// <param name="keep">Whether the memory is kept; else it is free for all.</param>
    /// <returns>What was handed out and returned since the beginning; the caller's to dispose.</returns>
    public List<GpuBlock> EndHold(bool keep)
    {
        List<GpuBlock> held = [];
        lock (_lock)
        {
            _isHolding = false;
            foreach (GpuRegion region in (IEnumerable<GpuRegion>)[.. _small, .. _large])
            {
                foreach ((long start, long bytes) in region.Unwatch(keep))
                {
                    held.Add(new GpuBlock(this, region, start, bytes));
                    BytesInUse += bytes;
                    BlocksInUse++;
                }
            }

            PeakBytesInUse = long.Max(PeakBytesInUse, BytesInUse);
        }

        return held;
    }
}
