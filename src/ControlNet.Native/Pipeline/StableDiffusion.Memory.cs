using System;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;
using ControlNet.Native.Text;
using ControlNet.Native.Unet;
using ControlNet.Native.Vae;

namespace ControlNet.Native;

/// <content>What a request will take.</content>
public sealed partial class StableDiffusion
{
    /// <summary>Calls of the UNet after which memory has seen everything it will see.</summary>
    private const int RehearsedSteps = 2;

    /// <summary>
    /// Finds out what a request would take, by running it on a device without elements: milliseconds, and the same
    /// allocations in the same order.
    /// </summary>
    /// <param name="request">What would be generated.</param>
    /// <exception cref="RequestException">The request cannot be fulfilled.</exception>
    public MemoryEstimate EstimateMemory(ImageRequest request)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(request);
        using Device planner = Device.ForPlanning();
        using ClipTextModel text = _text.OnPlanner(planner);
        using UnetModel unet = _unet.OnPlanner(planner);
        using Autoencoder vae = _vae.OnPlanner(planner);
        using StableDiffusion rehearsal = new(planner, Name, Tokenizer, text, unet, vae, Scheduler, Report);
        using ControlNetModel? net = request.Control?.Net.OnPlanner(planner);
        long weightBytes = rehearsal.WeightBytes + (net?.ParameterBytes ?? 0);
        _ = rehearsal.Generate(Rehearsal(request) with
        {
            Control = net is null ? null : request.Control! with { Net = net },
        });
        return new MemoryEstimate(weightBytes, planner.PeakBytesInUse, planner.PeakBytes);
    }

    /// <summary>
    /// A request that takes the memory of <paramref name="request"/> and less time; draws no number from its noise.
    /// </summary>
    internal static ImageRequest Rehearsal(ImageRequest request) =>
        request with { Steps = Math.Min(request.Steps, RehearsedSteps), NoiseSource = null };
}
