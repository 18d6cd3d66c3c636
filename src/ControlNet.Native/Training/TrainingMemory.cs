using System;
using System.Collections.Generic;
using System.Linq;

namespace ControlNet.Native.Training;

/// <summary>
/// What a training run is going to take, found out by rehearsing its steps where nothing is computed.
/// </summary>
/// <param name="WeightBytes">Models, before the first step.</param>
/// <param name="StateBytes">Moments of the optimiser and moving averages.</param>
/// <param name="PeakBytes">
/// The most the device is going to hold at once, weights, state, activations, gradients and temporaries together:
/// <see cref="Tensors.Device.PeakBytes"/> of the run. A process has the runtime, pictures being read and, while it
/// saves, a copy of its largest weight on top.
/// </param>
/// <param name="CacheBytes">Cached latents and prompts, in the memory of the host; 0 where nothing is cached.</param>
public sealed record TrainingMemory(long WeightBytes, long StateBytes, long PeakBytes, long CacheBytes)
{
    /// <summary>Device and caches together.</summary>
    public long TotalBytes => PeakBytes + CacheBytes;

    /// <summary>Refuses a run that does not fit.</summary>
    /// <param name="budgetBytes">Bytes that may be taken.</param>
    /// <param name="options">Of the run; the message names those that would help.</param>
    /// <exception cref="MemoryBudgetException">It does not fit; the message names both amounts.</exception>
    public void Require(long budgetBytes, TrainingOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (TotalBytes > budgetBytes)
        {
            throw new MemoryBudgetException(
                $"training takes {TotalBytes} bytes ({ProgressText.Bytes(TotalBytes)}), but {budgetBytes} " +
                $"({ProgressText.Bytes(budgetBytes)}) are there; what helps: {string.Join(", ", Cures(options))}");
        }
    }

    /// <summary>For example <c>1.4 GiB: weights 0.4 GiB, optimiser 0.5 GiB, a step 0.5 GiB</c>.</summary>
    public override string ToString()
    {
        string caches = CacheBytes > 0 ? $", caches {ProgressText.Bytes(CacheBytes)}" : string.Empty;
        return $"{ProgressText.Bytes(TotalBytes)}: weights {ProgressText.Bytes(WeightBytes)}, optimiser " +
            $"{ProgressText.Bytes(StateBytes)}, a step " +
            $"{ProgressText.Bytes(PeakBytes - WeightBytes - StateBytes)}{caches}";
    }

    private IEnumerable<string> Cures(TrainingOptions options)
    {
        string?[] cures =
        [
            options.Recompute ? null : "Recompute",
            options.BatchSize > 1 ? "a smaller BatchSize with more Accumulation" : null,
            "a smaller size", "frozen weights as F16 (WeightStorage)",
            options.ClipNorm > 0 && options.Accumulation == 1 ? "ClipNorm 0" : null,
            options.EmaDecay > 0 ? "no EmaDecay" : null,
            CacheBytes > 0 ? "no caches" : null, "more memory",
        ];
        return cures.OfType<string>();
    }
}
