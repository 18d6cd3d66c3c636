using System;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;
using ControlNet.Native.Imaging;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;
using ControlNet.Native.Text;
using ControlNet.Native.Unet;
using ControlNet.Native.Vae;
using ControlNet.Native.Weights;

namespace ControlNet.Native;

/// <summary>
/// A loaded Stable Diffusion model. Generates any number of images, one after the other; two models may work at the
/// same time on devices of their own. A generation that fails or is cancelled leaves it as it was.
/// </summary>
public sealed partial class StableDiffusion : IDisposable
{
    private readonly ClipTextModel _text;
    private readonly UnetModel _unet;
    private readonly Autoencoder _vae;
    private bool _disposed;

    internal StableDiffusion(
        Device device, string name, ClipTokenizer tokenizer, ClipTextModel text, UnetModel unet, Autoencoder vae,
        SchedulerConfig scheduler, LoadReport report)
    {
        Device = device;
        Name = name;
        Tokenizer = tokenizer;
        _text = text;
        _unet = unet;
        _vae = vae;
        Scheduler = scheduler;
        Report = report;
    }

    /// <summary>Where it computes.</summary>
    public Device Device { get; }

    /// <summary>Name of the checkpoint: its file without path and extension, or its folder without path.</summary>
    public string Name { get; }

    /// <summary>The tokenizer prompts go through.</summary>
    public ClipTokenizer Tokenizer { get; }

    /// <summary>The model's own scheduler configuration; requests may choose otherwise.</summary>
    public SchedulerConfig Scheduler { get; }

    /// <summary>What was recognised and read.</summary>
    public LoadReport Report { get; }

    /// <summary>How the networks store what they compute.</summary>
    public DType Activations => _unet.Activations;

    /// <summary>Bytes the weights occupy on the device.</summary>
    public long WeightBytes => _text.ParameterBytes + _unet.ParameterBytes + _vae.ParameterBytes;

    /// <summary>Width and height in pixels the model was trained at: 512 for SD 1.x, 512 or 768 for SD 2.x.</summary>
    public int NativeSize => _unet.Config.SampleSize * _vae.Config.Downscale;

    /// <summary>Generates one image.</summary>
    /// <param name="request">What to generate.</param>
    /// <param name="progress">Told after every evaluation of the UNet, on this thread.</param>
    /// <param name="cancellation">Ends the generation within one operation; everything made so far is freed.</param>
    /// <exception cref="RequestException">The request cannot be fulfilled; nothing was computed.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="DeviceMemoryException">The device has not enough memory.</exception>
    public GeneratedImage Generate(
        ImageRequest request, IProgress<GenerationProgress>? progress = null, CancellationToken cancellation = default)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(request);
        GenerationPlan plan = GenerationPlan.Make(request, this, _unet.Config, _vae.Config, _text.Config);
        long start = Stopwatch.GetTimestamp();

        using DeviceReservation turn = Device.Reserve(cancellation);
        using TensorScope scope = TensorScope.Enter(cancellation);
        Tensor latents;
        using (TextContext context = new(EncodePrompts(plan)))
        using (DenoisingLoop loop = new(_unet, Device, plan, context, LatentShape(plan)))
        {
            latents = loop.Run(progress);
        }

        float[] decoded = _vae.Decode(Ops.Scale(latents, (float)(1 / _vae.Config.ScalingFactor))).ToArray();
        RgbImage image = RgbImage.FromFloats(decoded, plan.Width, plan.Height, PixelRange.MinusOneToOne);
        cancellation.ThrowIfCancellationRequested();
        return new GeneratedImage(
            image, decoded, GenerationParameters.Write(plan, Name, Loras), Ops.ToChannelsFirst(latents).ToArray(),
            Stopwatch.GetElapsedTime(start));
    }

    /// <summary>As <see cref="Generate"/>, on a thread of the pool.</summary>
    /// <inheritdoc cref="Generate"/>
    public Task<GeneratedImage> GenerateAsync(
        ImageRequest request, IProgress<GenerationProgress>? progress = null,
        CancellationToken cancellation = default) =>
        Task.Run(() => Generate(request, progress, cancellation), cancellation);

    /// <summary>Frees the weights. Disposing twice is allowed.</summary>
    public void Dispose()
    {
        _disposed = true;
        _vae.Dispose();
        _unet.Dispose();
        _text.Dispose();
    }

    private Shape LatentShape(GenerationPlan plan) => new(
        1, plan.Height / _vae.Config.Downscale, plan.Width / _vae.Config.Downscale, _vae.Config.LatentChannels);

    /// <summary>The text states of the batch: the negative prompt first, as in diffusers.</summary>
    private Tensor EncodePrompts(GenerationPlan plan)
    {
        int skip = plan.Request.ClipSkip;
        if (plan.NegativePrompt is not { } negative)
        {
            return _text.Forward([plan.Prompt], skip - 1);
        }

        int negativeSkip = plan.Request.NegativeClipSkip ?? skip;
        return negativeSkip == skip
            ? _text.Forward([negative, plan.Prompt], skip - 1)
            : Ops.Concat(0, _text.Forward([negative], negativeSkip - 1), _text.Forward([plan.Prompt], skip - 1));
    }
}
