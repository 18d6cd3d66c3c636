using System;
using System.Collections.Generic;
using System.Threading;
using ControlNet.Native;
using ControlNet.Native.Control;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;

namespace ControlNet.Cli;

/// <summary>One image to be made: loads what it needs, generates, frees it.</summary>
/// <param name="Model">Path of the model.</param>
/// <param name="Net">Path of the ControlNet, or null.</param>
/// <param name="Hint">What the ControlNet reads; null without one.</param>
/// <param name="ControlScale">How strongly the ControlNet acts.</param>
/// <param name="Request">What to generate, without the control.</param>
internal sealed record GenerateJob(string Model, string? Net, RgbImage? Hint, float ControlScale, ImageRequest Request)
{
    /// <summary>Evaluations of the UNet after which memory has seen everything it will see.</summary>
    private const int RehearsedSteps = 2;

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
        if (Net is null)
        {
            return model.Generate(Request, progress, cancellation);
        }

        using ControlNetModel net = ControlNetModel.Load(
            Net, device, storage: options.WeightStorage, growth: options.WeightGrowth ?? WeightGrowth.None,
            progress: progress, cancellation: cancellation);
        loaded.Add(LoadSummary.Of(net.Name, net.Loaded!, predicts: false));
        ControlInput control = new() { Net = net, Image = Hint!, Scale = ControlScale };
        return model.Generate(Request with { Control = control }, progress, cancellation);
    }

    /// <summary>Does it on a device that only plans, with as few steps as tell what many take.</summary>
    public void Rehearse(Device planner, LoadOptions options)
    {
        GenerateJob few = this with { Request = Request with { Steps = Math.Min(Request.Steps, RehearsedSteps) } };
        _ = few.Run(planner, options, progress: null, loaded: [], CancellationToken.None);
    }
}
