using System;
using System.Collections.Generic;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;
using ControlNet.Native.Unet;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Training;

/// <summary>
/// Trains a base model: its UNet and, where wanted, the text encoder together with it, in the latents of a finished
/// autoencoder. Source: Rombach et al., 2022, arXiv:2112.10752, equation 3, where the text encoder is trained jointly.
/// </summary>
internal sealed class DenoiserTask : TrainingTask
{
    private readonly TrainingModel _model;
    private readonly DenoiserTrainingOptions _options;
    private readonly LatentSource _latents;
    private readonly PromptSource _prompts;
    private readonly DiffusionNoise _noise;

    public DenoiserTask(string basePath, Device device, DenoiserTrainingOptions options, LoadOptions load)
    {
        (_options, Device) = (options, device);
        TrainingRandom random = new((ulong)options.Seed);
        WeightUse text = options.TrainText ? WeightUse.Trained : WeightUse.Inference;
        _model = TrainingModel.Load(
            basePath, device, new(text, WeightUse.Trained, WeightUse.Trained, WeightUse.Inference), load);
        _latents = new LatentSource(_model.Vae, device, random, options.CacheLatents);
        _prompts = new PromptSource(
            _model.Pipeline.Tokenizer, _model.Text, random, options.PromptDrop,
            options.CacheText && !options.TrainText);
        _noise = new DiffusionNoise(_model.Pipeline.Scheduler, device, random, options);
        List<ParameterGroup> groups = [new("unet", _model.Maps.Unet.Parameters)];
        if (options.TrainText)
        {
            groups.Add(new("text_encoder", _model.Maps.Text.Parameters));
        }

        Groups = groups;
    }

    /// <inheritdoc/>
    public override string Architecture =>
        $"UNet {_model.Unet.ParameterCount} weights" +
        (_options.TrainText ? $", text encoder {_model.Text.ParameterCount}" : "");

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
        using Tape tape = Tape.Record(_options.Recompute);
        using TextContext text = new(_prompts.States(batch, Device));
        Tensor estimate = _model.Unet.Forward(noised, timesteps, text);
        return Backward(tape, Ops.MeanSquaredError(estimate, target), gradients, whenComplete);
    }

    /// <inheritdoc/>
    public override RgbImage Preview(TrainingSample sample, long seed) =>
        _model.Pipeline.Generate(PreviewRequest(_options, sample, seed)).Image;

    /// <inheritdoc/>
    public override void Export(string folder, IEnumerable<TrainingSample> samples)
    {
        string[] replaced = _options.TrainText
            ? [ModelExport.UnetFolder, ModelExport.TextFolder]
            : [ModelExport.UnetFolder];
        ModelExport.Copy(_model.Source, folder, replaced);
        ModelExport.Unet(folder, _model, _options.ExportType);
        if (_options.TrainText)
        {
            ModelExport.Text(folder, _model, _options.ExportType);
        }
    }

    /// <inheritdoc/>
    public override long CacheBytes(TrainingFolder data) =>
        _latents.CacheBytes(data.Count, _options.Width, _options.Height) + _prompts.CacheBytes(data);

    /// <inheritdoc/>
    public override void Dispose() => _model.Dispose();
}
