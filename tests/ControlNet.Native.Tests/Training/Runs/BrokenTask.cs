using System;
using System.Collections.Generic;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;
using ControlNet.Native.Training;

namespace ControlNet.Native.Tests.Training;

/// <summary>A task whose loss is not a number whenever it is told so, by the count of its batches from 0.</summary>
internal sealed class BrokenTask(TrainingTask inner, Func<int, bool> isBroken) : TrainingTask
{
    private int _batches;

    public override string Architecture => inner.Architecture;

    public override IReadOnlyList<ParameterGroup> Groups => inner.Groups;

    public override Device Device => inner.Device;

    public override float Accumulate(
        TrainingBatch batch, Gradients gradients, Action<Tensor, Tensor>? whenComplete = null) =>
        isBroken(_batches++) ? float.NaN : inner.Accumulate(batch, gradients, whenComplete);

    public override RgbImage Preview(TrainingSample sample, long seed) => inner.Preview(sample, seed);

    public override void Export(string folder, IEnumerable<TrainingSample> samples) => inner.Export(folder, samples);

    public override void Dispose() => inner.Dispose();
}
