using System;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Vae;

/// <summary>
/// Between images and latents an eighth their size. Source: Rombach et al., 2022, arXiv:2112.10752, autoencoder.py
/// AutoencoderKL. The factor between these latents and those of the UNet, <see cref="VaeConfig.ScalingFactor"/>, is
/// applied by the caller.
/// </summary>
public sealed class Autoencoder : Module
{
    /// <summary>
    /// Rows of latents in a band. At 512 x 512 the widest layer's band is 17 MB in float32; each norm and each
    /// upsampling computes two rows of a band once more than it would on the whole image.
    /// </summary>
    internal const int LatentRowsOfBand = 4;

    private readonly VaeEncoder _encoder;
    private readonly VaeDecoder _decoder;
    private readonly Conv2d? _quantConv, _postQuantConv;
    private readonly Device _device;

    /// <summary>Takes <c>encoder</c>, <c>quant_conv</c>, <c>post_quant_conv</c> and <c>decoder</c>.</summary>
    /// <param name="weights">The checkpoint of the autoencoder.</param>
    /// <param name="config">What it is built from.</param>
    /// <exception cref="CheckpointException">
    /// A weight is missing or of another shape; nothing stays allocated.
    /// </exception>
    public Autoencoder(WeightMap weights, VaeConfig config)
        : this(weights, config, encoderUse: null)
    {
    }

    /// <summary>
    /// The same with an encoder used otherwise: its latents stay what they are while the decoder is trained.
    /// </summary>
    internal Autoencoder(WeightMap weights, VaeConfig config, WeightUse? encoderUse)
        : base(weights)
    {
        ArgumentNullException.ThrowIfNull(config);
        (Config, _device) = (config, weights.Device);
        int channels = config.LatentChannels;
        using LoadGuard guard = LoadGuard.Start();
        WeightMap encoder = weights.For(encoderUse ?? weights.Use);
        _encoder = Own(new VaeEncoder(encoder.In("encoder"), config));
        _quantConv = config.UseQuantConv
            ? Own(new Conv2d(encoder.In("quant_conv"), 2 * channels, 2 * channels, kernel: 1, result: DType.F32))
            : null;
        _postQuantConv = config.UsePostQuantConv
            ? Own(new Conv2d(weights.In("post_quant_conv"), channels, channels, kernel: 1, result: DType.F32))
            : null;
        _decoder = Own(new VaeDecoder(weights.In("decoder"), config));
        guard.Complete();
    }

    /// <summary>What the autoencoder is built from.</summary>
    public VaeConfig Config { get; }

    /// <summary>
    /// Whether images are encoded and decoded in bands of rows, which halves the memory and takes a little longer. The
    /// results differ by rounding alone: there are no seams.
    /// </summary>
    public bool InBands { get; init; }

    /// <summary>The same network on a device that only plans; belongs to the caller.</summary>
    internal Autoencoder OnPlanner(Device planner) => new(Weights.OnPlanner(planner), Config) { InBands = InBands };

    /// <summary>Encodes images, one after the other to bound the memory.</summary>
    /// <param name="images"><c>[N, H, W, InChannels]</c>, values in [-1, 1]; at least 8 x 8 pixels.</param>
    /// <returns>
    /// The distribution of the latents, <c>[N, H / 8, W / 8, LatentChannels]</c>, rounded down; not scaled.
    /// </returns>
    /// <exception cref="ModelException">The images have another number of channels or are too small.</exception>
    public VaePosterior Encode(Tensor images)
    {
        Check(images, "images", Config.InChannels);
        if (images.Shape[1] < Config.Downscale || images.Shape[2] < Config.Downscale)
        {
            throw new ModelException(
                $"the autoencoder reads images of at least {Config.Downscale} x {Config.Downscale} pixels, " +
                $"got {images.Shape}; enlarge the image");
        }

        using TensorScope scope = TensorScope.Enter();
        VaePosterior posterior = new(_device, EachAlone(images, EncodeOne));
        posterior.KeepIn(scope);
        return posterior;
    }

    /// <summary>Decodes latents, one after the other to bound the memory.</summary>
    /// <param name="latents"><c>[N, H, W, LatentChannels]</c>, already divided by the scaling factor.</param>
    /// <returns>F32 <c>[N, 8 H, 8 W, OutChannels]</c>, about [-1, 1], not clamped.</returns>
    /// <exception cref="ModelException">The latents have another number of channels.</exception>
    public Tensor Decode(Tensor latents)
    {
        Check(latents, "latents", Config.LatentChannels);
        using TensorScope scope = TensorScope.Enter();
        return scope.Keep(EachAlone(latents, DecodeOne));
    }

    /// <summary>Means and logarithms of variances of the latents, as the tape sees them.</summary>
    /// <param name="images"><c>[N, H, W, InChannels]</c>, values in [-1, 1].</param>
    /// <returns><c>[N, H / 8, W / 8, 2 LatentChannels]</c></returns>
    internal Tensor EncodeMoments(Tensor images) => EachAlone(images, EncodeOne);

    private Tensor EncodeOne(Tensor image)
    {
        using TensorScope scope = TensorScope.Enter();
        int step = Config.Downscale, rows = step * LatentRowsOfBand;
        bool bands = CanBand(image, rows) && image.Shape[1] % step == 0 && image.Shape[2] % step == 0;
        Tensor h = bands ? _encoder.ForwardInBands(image, rows) : _encoder.Forward(image);
        return scope.Keep(_quantConv?.Forward(h) ?? h);
    }

    private Tensor DecodeOne(Tensor latent)
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor h = _postQuantConv?.Forward(latent) ?? latent;
        return scope.Keep(
            CanBand(h, LatentRowsOfBand) ? _decoder.ForwardInBands(h, LatentRowsOfBand) : _decoder.Forward(h));
    }

    private bool CanBand(Tensor x, int rows) =>
        InBands && x.Shape[0] == 1 && x.Shape[1] > rows && !Tape.IsOpen && !ModuleTrace.Listening;

    private static Tensor EachAlone(Tensor batch, Func<Tensor, Tensor> function)
    {
        int count = batch.Shape[0];
        if (count == 1 || Tape.IsOpen)
        {
            return function(batch);
        }

        Tensor[] results = new Tensor[count];
        for (int i = 0; i < count; i++)
        {
            results[i] = function(batch.Rows(i, 1));
        }

        return Ops.Concat(0, results.AsSpan());
    }

    private static void Check(Tensor x, string name, int channels)
    {
        ArgumentNullException.ThrowIfNull(x);
        if (x.Shape.Rank != 4 || x.Shape.Count == 0 || x.Shape[3] != channels)
        {
            throw new ModelException(
                $"the autoencoder reads {name} [N, H, W, {channels}], got {x.Shape}; " +
                "it belongs to another family of models, or the axes are not channels-last");
        }
    }
}
