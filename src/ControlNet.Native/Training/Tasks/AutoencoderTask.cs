using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;
using ControlNet.Native.Vae;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Training;

/// <summary>
/// Trains an autoencoder: squared error of the reconstruction and a small pull of the posterior towards the unit
/// normal. Source: Kingma and Welling, 2013, arXiv:1312.6114, equation 10; Rombach et al., 2022, arXiv:2112.10752,
/// appendix G, without the perceptual and adversarial parts.
/// </summary>
internal sealed class AutoencoderTask : TrainingTask
{
    private readonly TrainingModel _model;
    private readonly AutoencoderTrainingOptions _options;
    private readonly TrainingRandom _random;

    public AutoencoderTask(string basePath, Device device, AutoencoderTrainingOptions options, LoadOptions load)
    {
        (_options, Device) = (options, device);
        _random = new TrainingRandom((ulong)options.Seed);
        _model = TrainingModel.Load(
            basePath, device,
            new(WeightUse.Inference, WeightUse.Inference, WeightUse.Inference, WeightUse.Trained,
                options.TrainEncoder ? null : WeightUse.Inference),
            load);
        Groups = [new("vae", _model.Maps.Vae.Parameters)];
    }

    /// <inheritdoc/>
    public override string Architecture => $"autoencoder {_model.Vae.ParameterCount} weights";

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterGroup> Groups { get; }

    /// <inheritdoc/>
    public override Device Device { get; }

    /// <inheritdoc/>
    public override float Accumulate(
        TrainingBatch batch, Gradients gradients, Action<Tensor, Tensor>? whenComplete = null)
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor images = Images(
            Device, [.. batch.Samples.Select(sample => sample.Target)], PixelRange.MinusOneToOne);
        Tensor? frozen = _options.TrainEncoder ? null : _model.Vae.EncodeMoments(images);
        using Tape tape = Tape.Record(_options.Recompute);
        Tensor moments = frozen ?? _model.Vae.EncodeMoments(images);
        (Tensor latents, Tensor divergence) = GaussianDraw.Of(Device, moments, NoiseFor(batch, moments.Shape));
        Tensor error = Ops.MeanSquaredError(_model.Vae.Decode(latents), images);
        Tensor loss = Ops.LinearCombination((1f, error), ((float)_options.DivergenceWeight, divergence));
        return Backward(tape, loss, gradients, whenComplete);
    }

    /// <inheritdoc/>
    public override RgbImage Preview(TrainingSample sample, long seed)
    {
        using TensorScope scope = TensorScope.Enter();
        VaePosterior posterior = _model.Vae.Encode(Images(Device, [sample.Target], PixelRange.MinusOneToOne));
        float[] decoded = _model.Vae.Decode(posterior.Mean).ToArray();
        return RgbImage.FromFloats(
            decoded, sample.Target.Width, sample.Target.Height, PixelRange.MinusOneToOne);
    }

    /// <inheritdoc/>
    public override void Export(string folder, IEnumerable<TrainingSample> samples)
    {
        ModelExport.Copy(_model.Source, folder, ModelExport.VaeFolder);
        if (_options.TrainEncoder)
        {
            ModelExport.Vae(folder, _model, _options.ExportType, 1 / Deviation(samples));
        }
        else
        {
            ModelExport.MergedVae(folder, _model, _options.ExportType);
        }
    }

    /// <inheritdoc/>
    public override void Dispose() => _model.Dispose();

    /// <summary>
    /// Root mean square of the latents about their mean: the factor of Stable Diffusion is one over it (Rombach et al.,
    /// 2022, appendix G).
    /// </summary>
    private double Deviation(IEnumerable<TrainingSample> samples)
    {
        double sum = 0, squares = 0;
        long count = 0;
        foreach (TrainingSample sample in samples)
        {
            using TensorScope scope = TensorScope.Enter();
            Tensor image = Images(Device, [sample.Target], PixelRange.MinusOneToOne);
            foreach (float value in _model.Vae.Encode(image).Mean.ToArray())
            {
                sum += value;
                squares += (double)value * value;
                count++;
            }
        }

        double mean = sum / Math.Max(1, count);
        return Math.Sqrt(Math.Max(1e-12, (squares / Math.Max(1, count)) - (mean * mean)));
    }

    private float[] NoiseFor(TrainingBatch batch, Shape moments)
    {
        int each = (int)(moments.Count / moments[0] / 2);
        float[] noise = new float[each * moments[0]];
        for (int i = 0; i < moments[0]; i++)
        {
            _random.FillNormal(RandomUse.Posterior, batch.FirstPosition + i, noise.AsSpan(i * each, each));
        }

        return noise;
    }
}
