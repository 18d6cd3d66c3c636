using System;
using System.Threading;

namespace ControlNet.Native.Weights;

/// <summary>
/// Counts the bytes of weights as modules take them: progress for the user, and where a load is cancelled.
/// </summary>
internal sealed class LoadTracker(long bytesTotal, IProgress<LoadProgress>? progress, CancellationToken cancellation)
{
    private long _bytesRead;

    /// <summary>What a <see cref="WeightMap"/> calls after each weight it read.</summary>
    /// <param name="component">Name of the model being loaded.</param>
    public Action<long> For(string component) => bytes =>
    {
        cancellation.ThrowIfCancellationRequested();
        _bytesRead += bytes;
        progress?.Report(new LoadProgress(component, _bytesRead, bytesTotal));
    };
}
