using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ControlNet.Native;
using ControlNet.Native.Control;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;

namespace ControlNet.Cli;

/// <summary>Images to be made of one request: loads what it needs, generates, frees it.</summary>
/// <param name="Model">Path of the model.</param>
/// <param name="Controls">The controls; a net that several name is loaded once.</param>
/// <param name="Prompts">What the prompts ask for besides.</param>
/// <param name="Request">What to generate, without the controls.</param>
/// <param name="Count">How many images, with seeds from that of the request on.</param>
/// <param name="Preview">Where to show them while they come about; null for nowhere.</param>
internal sealed record GenerateJob(
    string Model, IReadOnlyList<ControlJob> Controls, PromptJob Prompts, ImageRequest Request, int Count,
    PreviewFile? Preview = null)
{
    /// <summary>What is applied to the model and the nets; null for nothing.</summary>
    public LoraJobs? Loras { get; init; }

    /// <summary>Does it; each image is made when it is asked for, and everything freed after the last.</summary>
    /// <param name="device">Where.</param>
    /// <param name="options">How weights are loaded and kept.</param>
    /// <param name="progress">Told of loading and sampling; null for nobody.</param>
    /// <param name="loaded">Receives one line for each checkpoint.</param>
    /// <param name="cancellation">Ends it.</param>
    public IEnumerable<GeneratedImage> Run(
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
            PromptEmbeddingsFile? encoded = Prompts.Prepare(model, request, loaded);
            IProgress<GenerationProgress>? watcher = Preview is null ? progress : Preview.Before(progress);
            foreach (GeneratedImage image in model.GenerateMany(request, Count, watcher, cancellation))
            {
                yield return image;
            }

            encoded?.Write(Prompts.SaveTo!);
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
    /// acts; with all of them where the prompt changes on the way.
    /// </summary>
    public void Rehearse(Device planner, LoadOptions options) => _ = Rehearsed(planner, options);

    /// <summary>Rehearses the first pass, for the width and height it gives in pixels.</summary>
    public (int Width, int Height) FirstSize(Device planner, LoadOptions options)
    {
        RgbImage image = (this with { Request = Request with { HiresPass = null } }).Rehearsed(planner, options);
        return (image.Width, image.Height);
    }

    private RgbImage Rehearsed(Device planner, LoadOptions options)
    {
        GenerateJob few = this with
        {
            Preview = null,
            Controls = [.. Controls.Select(control => control with { Start = 0, End = 1 })],
            Prompts = Prompts with { SaveTo = null },
            Request = Request.ForRehearsal(),
            Count = 1,
        };
        return few.Run(planner, options, progress: null, loaded: [], CancellationToken.None).Last().Image;
    }
}
