using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ControlNet.Native;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;

namespace ControlNet.Cli;

/// <summary>One image to be made: loads what it needs, generates, frees it.</summary>
/// <param name="Model">Path of the model.</param>
/// <param name="Controls">The controls; a net that several name is loaded once.</param>
/// <param name="Request">What to generate, without the controls.</param>
internal sealed record GenerateJob(string Model, IReadOnlyList<ControlJob> Controls, ImageRequest Request)
{
    /// <summary>Evaluations of the UNet after which memory has seen everything it will see.</summary>
    private const int RehearsedSteps = 4;

    /// <summary>What is applied to the model and the nets; null for nothing.</summary>
    public LoraJobs? Loras { get; init; }

    /// <summary>Does it.</summary>
    /// <param name="device">Where.</param>
    /// <param name="options">How weights are loaded and kept.</param>
    /// <param name="progress">Told of loading and sampling; null for nobody.</param>
    /// <param name="loaded">Receives one line for each checkpoint.</param>
    /// <param name="cancellation">Ends it.</param>
    public GeneratedImage Run(
        Device device, LoadOptions options, ProgressDisplay? progress, List<string> loaded,
        CancellationToken cancellation)
    {
        using StableDiffusion model = StableDiffusion.Load(Model, device, options, progress, cancellation);
        loaded.Add(LoadSummary.Of(model.Name, model.Report, predicts: true));
        Loras?.ApplyTo(model, loaded);
        Dictionary<string, ControlNetModel> nets = [];
        try
        {
            foreach (string path in Controls.Select(control => control.Net).Distinct())
            {
                ControlNetModel net = ControlNetModel.Load(
                    path, device, storage: options.WeightStorage, growth: options.WeightGrowth ?? WeightGrowth.None,
                    activations: options.Activations, progress: progress, cancellation: cancellation);
                nets.Add(path, net);
                loaded.Add(LoadSummary.Of(net.Name, net.Loaded!, predicts: false));
                Loras?.ApplyTo(net, loaded);
            }

            ImageRequest request = Request with
            {
                Controls = [.. Controls.Select(control => control.With(nets[control.Net]))],
            };
            return model.Generate(request, progress, cancellation);
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
    /// Does it on a device that only plans, with as few steps as tell what many take, in all of which every control
    /// acts.
    /// </summary>
    public void Rehearse(Device planner, LoadOptions options)
    {
        GenerateJob few = this with
        {
            Controls = [.. Controls.Select(control => control with { Start = 0, End = 1 })],
            Request = Request with
            {
                Steps = Math.Min(Request.Steps, RehearsedSteps), Timesteps = null, Sigmas = null,
            },
        };
        _ = few.Run(planner, options, progress: null, loaded: [], CancellationToken.None);
    }
}
