using System;
using System.Diagnostics;

namespace ControlNet.Native;

/// <summary>One of several processes, reported as a part of the whole.</summary>
/// <param name="whole">Who is told of the whole.</param>
/// <param name="before">Evaluations done before this process.</param>
/// <param name="total">Evaluations of all processes.</param>
/// <param name="start">When the first began, a timestamp of <see cref="Stopwatch"/>.</param>
internal sealed class PassProgress(IProgress<GenerationProgress> whole, int before, int total, long start)
    : IProgress<GenerationProgress>
{
    /// <inheritdoc/>
    public void Report(GenerationProgress value) => whole.Report(new GenerationProgress(
        before + value.Completed, total, value.Timestep, Stopwatch.GetElapsedTime(start), value.CopyLatents,
        value.Preview));
}
