using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;
using ControlNet.Native.Text;
using ControlNet.Native.Unet;
using ControlNet.Native.Vae;

namespace ControlNet.Native;

/// <content>What a request will take.</content>
public sealed partial class StableDiffusion
{
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
        request.Validate();
        using Device planner = Device.ForPlanning();
        using ClipTextModel text = _text.OnPlanner(planner);
        using UnetModel unet = _unet.OnPlanner(planner);
        using Autoencoder vae = _vae.OnPlanner(planner);
        using StableDiffusion rehearsal = new(planner, Name, Tokenizer, text, unet, vae, Scheduler, Report)
        {
            Inversions = Inversions,
        };
        Dictionary<ControlNetModel, ControlNetModel> nets = [];
        try
        {
            foreach (ControlNetModel net in request.Controls.Select(control => control.Net).Distinct())
            {
                nets.Add(net, net.OnPlanner(planner));
            }

            long weightBytes = rehearsal.WeightBytes + nets.Values.Sum(net => net.ParameterBytes);
            ImageRequest rehearsed = Rehearsal(request);
            _ = rehearsal.Generate(rehearsed with
            {
                Controls = [.. rehearsed.Controls.Select(control => control with { Net = nets[control.Net] })],
            });
            return new MemoryEstimate(weightBytes, planner.PeakBytesInUse, planner.PeakBytes);
        }
        finally
        {
            foreach (ControlNetModel net in nets.Values)
            {
                net.Dispose();
            }
        }
    }

    /// <summary>
    /// A request that takes the memory of <paramref name="request"/> and less time; draws no number from its noise.
    /// Its few calls would miss the window of a control, so every control acts in all of them; a prompt that changes is
    /// rehearsed in all its steps.
    /// </summary>
    internal static ImageRequest Rehearsal(ImageRequest request) => request.ForRehearsal() with
    {
        Controls = [.. request.Controls.Select(control => control with { Start = 0, End = 1 })],
    };
}
