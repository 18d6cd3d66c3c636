using System;
using System.Collections.Generic;
using System.Threading.Tasks;

namespace ControlNet.Native.Training;

/// <summary>
/// Reads the samples of a position, and those after it ahead of time on the thread pool. What it gives depends on the
/// position alone.
/// </summary>
internal sealed class BatchLoader(TrainingFolder data, SampleOrder order, int batchSize, int width, int height)
{
    private (long Position, Task<TrainingBatch> Batch)? _ahead;

    /// <summary>The batch that begins at a position.</summary>
    /// <exception cref="TrainingDataException">A picture is missing or cannot be read; names file and line.</exception>
    public TrainingBatch At(long position)
    {
        Task<TrainingBatch> batch = _ahead is { } ahead && ahead.Position == position
            ? ahead.Batch
            : Task.Run(() => Load(position));
        long next = position + batchSize;
        _ahead = (next, Task.Run(() => Load(next)));
        return batch.GetAwaiter().GetResult();
    }

    private TrainingBatch Load(long position)
    {
        List<TrainingSample> samples = [];
        List<int> indices = [];
        for (int i = 0; i < batchSize; i++)
        {
            int index = order.At(position + i);
            indices.Add(index);
            samples.Add(data.Load(index, width, height));
        }

        return new TrainingBatch(samples, indices, position);
    }
}
