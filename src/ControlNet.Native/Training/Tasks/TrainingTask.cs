using System;
using System.Collections.Generic;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Training;

/// <summary>
/// What is trained, and towards what: the part of a training run that differs between a ControlNet, the base model and
/// its autoencoder. The loop around it is always <see cref="Trainer"/>.
/// </summary>
internal abstract class TrainingTask : IDisposable
{
    /// <summary>What is trained, in words that tell one architecture from another.</summary>
    public abstract string Architecture { get; }

    /// <summary>What is trained, grouped by learning rate.</summary>
    public abstract IReadOnlyList<ParameterGroup> Groups { get; }

    /// <summary>Where it computes.</summary>
    public abstract Device Device { get; }

    /// <summary>Computes the loss of a batch and adds its gradients.</summary>
    /// <param name="batch">The samples.</param>
    /// <param name="gradients">What they are added to, summed over batches, not averaged.</param>
    /// <param name="whenComplete">See <see cref="Tape.Backward(Tensor, Gradients?, Action{Tensor, Tensor}?)"/>.</param>
    /// <returns>The mean loss of the batch. When it is not finite nothing was added.</returns>
    public abstract float Accumulate(
        TrainingBatch batch, Gradients gradients, Action<Tensor, Tensor>? whenComplete = null);

    /// <summary>Pictures of what has been learnt.</summary>
    /// <param name="sample">What to draw after.</param>
    /// <param name="seed">Of the noise; the same at every step.</param>
    public abstract RgbImage Preview(TrainingSample sample, long seed);

    /// <summary>Writes what was learnt in the layouts users load.</summary>
    /// <param name="folder">Where; made when it does not exist.</param>
    /// <param name="samples">Some of the data, to measure by.</param>
    public abstract void Export(string folder, IEnumerable<TrainingSample> samples);

    /// <summary>Bytes of the host's memory that caches will hold when every sample was seen; 0 without any.</summary>
    public virtual long CacheBytes(TrainingFolder data) => 0;

    /// <summary>Frees the models.</summary>
    public abstract void Dispose();

    /// <summary>Goes backwards from a loss unless it is not finite.</summary>
    private protected static float Backward(
        Tape tape, Tensor loss, Gradients gradients, Action<Tensor, Tensor>? whenComplete)
    {
        float value = loss.ToArray()[0];
        if (float.IsFinite(value))
        {
            tape.Backward(loss, gradients, whenComplete);
        }

        return value;
    }

    /// <summary>
    /// A picture after a sample's prompt, of its size; brackets are text and a prompt too long is cut, as in training.
    /// </summary>
    private protected static ImageRequest PreviewRequest(
        TrainingOptions options, TrainingSample sample, long seed) =>
        new()
        {
            Prompt = sample.Prompt,
            PromptSyntax = PromptSyntax.Plain,
            TruncatePrompt = true,
            Width = sample.Target.Width,
            Height = sample.Target.Height,
            Steps = options.PreviewSteps,
            GuidanceScale = options.PreviewGuidanceScale,
            Seed = seed,
        };

    /// <summary>Pictures of one size as one tensor.</summary>
    private protected static Tensor Images(Device device, IReadOnlyList<RgbImage> images, PixelRange range)
    {
        (int width, int height) = (images[0].Width, images[0].Height);
        int each = width * height * 3;
        float[] values = new float[each * images.Count];
        for (int i = 0; i < images.Count; i++)
        {
            images[i].CopyTo(values.AsSpan(i * each, each), range);
        }

        return Tensor.From(device, new Shape(images.Count, height, width, 3), values);
    }
}
