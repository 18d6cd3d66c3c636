using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;
using ControlNet.Native.Unet;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Training;

/// <summary>
/// Trains a ControlNet: the loss of the frozen base model, with gradients for the copy and, unless the base is locked,
/// for the UNet's decoder. Source: Zhang et al., 2023, arXiv:2302.05543, equation 5; cldm.py ControlLDM.
/// </summary>
internal sealed class ControlNetTask : TrainingTask
{
    private readonly TrainingModel _model;
    private readonly ControlNetModel _net;
    private readonly ControlNetTrainingOptions _options;
    private readonly LatentSource _latents;
    private readonly PromptSource _prompts;
    private readonly DiffusionNoise _noise;

    public ControlNetTask(string basePath, Device device, ControlNetTrainingOptions options, LoadOptions load)
    {
        (_options, Device) = (options, device);
        TrainingRandom random = new((ulong)options.Seed);
        WeightMap? map = null;
        ControlNetModel? net = null;
        WeightUse decoder = options.LockBase ? WeightUse.Frozen : WeightUse.Trained;
        _model = TrainingModel.Load(
            basePath, device, new(WeightUse.Inference, decoder, WeightUse.Inference, WeightUse.Inference), load,
            checkpoint => (net, map) = ControlNetStart.Open(
                checkpoint, device, options, random, load.ForCheckpoint()));
        _net = net!;
        _latents = new LatentSource(_model.Vae, device, random, options.CacheLatents);
        _prompts = new PromptSource(
            _model.Pipeline.Tokenizer, _model.Text, random, options.PromptDrop, options.CacheText);
        _noise = new DiffusionNoise(_model.Pipeline.Scheduler, device, random, options);
        List<ParameterGroup> groups = [new("controlnet", map!.Parameters)];
        if (!options.LockBase)
        {
            groups.Add(new(
                "unet", _model.Maps.Unet.Parameters, options.DecoderLearningRate / options.Schedule.BaseRate));
        }

        Groups = groups;
    }

    /// <inheritdoc/>
    public override string Architecture =>
        $"ControlNet {_net.ParameterCount} weights{(_options.LockBase ? "" : ", UNet decoder")}";

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterGroup> Groups { get; }

    /// <inheritdoc/>
    public override Device Device { get; }

    /// <inheritdoc/>
    public override float Accumulate(
        TrainingBatch batch, Gradients gradients, Action<Tensor, Tensor>? whenComplete = null)
    {
        using TensorScope scope = TensorScope.Enter();
        (Tensor noised, Tensor target, float[] timesteps) = _noise.Apply(_latents.Of(batch), batch.FirstPosition);
        using TextContext text = new(_prompts.States(batch, Device));
        Tensor hint = Images(Device, [.. batch.Samples.Select(sample => sample.Hint!)], PixelRange.ZeroToOne);
        using Tape tape = Tape.Record(_options.Recompute);
        ControlResiduals residuals = _net.Forward(noised, timesteps, text, _net.EncodeHint(hint));
        Tensor estimate = _model.Unet.Forward(
            noised, timesteps, text, _options.OnlyMidControl ? MiddleOnly(residuals) : residuals);
        return Backward(tape, Ops.MeanSquaredError(estimate, target), gradients, whenComplete);
    }

    /// <inheritdoc/>
    public override RgbImage Preview(TrainingSample sample, long seed) =>
        _model.Pipeline.Generate(PreviewRequest(_options, sample, seed) with
        {
            Controls = [new ControlInput { Net = _net, Image = sample.Hint! }],
        }).Image;

    /// <inheritdoc/>
    public override void Export(string folder, IEnumerable<TrainingSample> samples)
    {
        ModelExport.ControlNet(
            folder, _net.Config, Groups[0].Parameters, _options.ExportType, _options.ExportLayouts);
        if (!_options.LockBase)
        {
            string whole = Path.Combine(folder, "model");
            ModelExport.Copy(_model.Source, whole, ModelExport.UnetFolder);
            ModelExport.MergedUnet(whole, _model, _options.ExportType);
        }
    }

    /// <inheritdoc/>
    public override long CacheBytes(TrainingFolder data) =>
        _latents.CacheBytes(data.Count, _options.Width, _options.Height) + _prompts.CacheBytes(data);

    /// <inheritdoc/>
    public override void Dispose()
    {
        _net.Dispose();
        _model.Dispose();
    }

    /// <summary>Control of the middle block alone; the skips get nothing, at no cost.</summary>
    private ControlResiduals MiddleOnly(ControlResiduals all) => new(
        [.. all.Skips.Select(skip => Tensor.Zeros(Device, new Shape(1, 1, 1, skip.Shape[3])))], all.Middle);
}
