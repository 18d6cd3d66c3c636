using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>Moves elements.</summary>
internal sealed unsafe class CpuMovement(WorkerTeam team) : IMovementKernels
{
    private readonly WorkerTeam _team = team;

    public void Permute(in PermuteDims d, BufferView x, BufferView y)
    {
        ReadOnlySpan<int> extents = [d.D0, d.D1, d.D2, d.D3];
        ReadOnlySpan<int> from = [d.From0, d.From1, d.From2, d.From3];
        ReadOnlySpan<long> steps = [(long)d.D1 * d.D2 * d.D3, (long)d.D2 * d.D3, d.D3, 1];
        long at = 0;
        for (int i = 0; i < extents[from[0]]; i++)
        {
            for (int j = 0; j < extents[from[1]]; j++)
            {
                for (int k = 0; k < extents[from[2]]; k++)
                {
                    for (int l = 0; l < extents[from[3]]; l++)
                    {
                        y.Floats[at++] = x.Floats[
                            (i * steps[from[0]]) + (j * steps[from[1]]) + (k * steps[from[2]]) + (l * steps[from[3]])];
                    }
                }
            }
        }
    }

    public void CopyRows(in CopyRowsDims d, BufferView x, BufferView y)
    {
        int size = x.Type.ElementBytes();
        for (long r = 0; r < d.Rows; r++)
        {
            Buffer.MemoryCopy(
                (byte*)x.Address + ((d.SourceStart + (r * d.SourceStep)) * size),
                (byte*)y.Address + ((d.TargetStart + (r * d.TargetStep)) * size),
                d.Length * size, d.Length * size);
        }
    }

    public void UpsampleNearest(in UpsampleDims d, BufferView x, BufferView y)
    {
        for (int n = 0; n < d.Batch; n++)
        {
            for (int row = 0; row < d.OutHeight; row++)
            {
                for (int column = 0; column < d.OutWidth; column++)
                {
                    long source = (((((long)n * d.Height) + ((long)row * d.Height / d.OutHeight)) * d.Width)
                        + ((long)column * d.Width / d.OutWidth)) * d.Channels;
                    long target = (((((long)n * d.OutHeight) + row) * d.OutWidth) + column) * d.Channels;
                    Buffer.MemoryCopy(x.Floats + source, y.Floats + target, d.Channels * 4L, d.Channels * 4L);
                }
            }
        }
    }

    public void GatherRows(int width, BufferView table, BufferView ids, BufferView y)
    {
        int* indices = (int*)ids.Address;
        for (long i = 0; i < ids.Count; i++)
        {
            for (int c = 0; c < width; c++)
            {
                y.Floats[(i * width) + c] = CpuPointwise.Load(table, ((long)indices[i] * width) + c);
            }
        }
    }
}
