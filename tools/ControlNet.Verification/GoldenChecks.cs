using System.Collections.Generic;
using ControlNet.Verification.Checks;

namespace ControlNet.Verification;

/// <summary>Every check there is. A check that is not in this list is never run by <c>controlnet verify</c>.</summary>
public static class GoldenChecks
{
    /// <summary>
    /// In the order of the pipeline: formats, numbers, operations, models, whole runs. One line each.
    /// </summary>
    public static IReadOnlyList<GoldenCheck> All { get; } =
    [
        new PngCheck(),
        new SafeTensorsCheck(),
        new DTypeConvertCheck(),
        new TokenizerCheck(),
        new RngCheck(),
        new SchedulersCheck(),
        new OpsCheck(),
        new OptimiserCheck(),
        new LearningRateCheck(),
        new TimestepEmbeddingCheck(),
        new ClipCheck(),
        new UnetCheck(),
        new VaeCheck(),
        new ControlNetCheck(),
        new TraceCheck(),
        new CheckpointCheck(),
        new SingleFileCheck(),
        new LoraCheck(),
        new PipelineCheck(),
        new BackwardCheck(),
        new TrainingCheck(),
    ];
}
