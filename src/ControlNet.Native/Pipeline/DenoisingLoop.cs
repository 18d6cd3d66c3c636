using System;
using System.Diagnostics;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Imaging;
using ControlNet.Native.Nn;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;
using ControlNet.Native.Unet;

namespace ControlNet.Native;

/// <summary>
/// The way from noise to latents: for each call of the sampler one evaluation of the ControlNets and of the UNet on
/// both halves of guidance, and one step. What does not depend on the latents is computed once a request, what
/// does not depend on the text once for both halves.
/// </summary>
internal sealed class DenoisingLoop : IDisposable
{
    private readonly UnetModel _unet;
    private readonly GenerationPlan _plan;
    private readonly PromptContexts _texts;
    private readonly DenoisingStart _start;
    private readonly LatentNoise _noise;
    private readonly TimeContext _times;
    private readonly ControlRun _controls;
    private readonly Replay _replay;
    private readonly Func<Tensor, bool, RgbImage> _paint;

    /// <param name="unet">The network that estimates the noise.</param>
    /// <param name="device">Where it computes.</param>
    /// <param name="plan">What to do.</param>
    /// <param name="texts">The texts: the negative prompt first, as in diffusers.</param>
    /// <param name="start">What it starts from; the caller's.</param>
    /// <param name="noise">Noise for the steps that draw some.</param>
    /// <param name="paint">Makes a picture of clean latents, with the decoder or without, for a preview.</param>
    public DenoisingLoop(
        UnetModel unet, Device device, GenerationPlan plan, PromptContexts texts, DenoisingStart start,
        LatentNoise noise, Func<Tensor, bool, RgbImage> paint)
    {
        _unet = unet;
        _plan = plan;
        _texts = texts;
        _start = start;
        _noise = noise;
        _times = new TimeContext([.. plan.Sampler.Timesteps.Select(timestep => (float)timestep)]);
        _controls = new ControlRun(plan, texts);
        _replay = new Replay(device);
        _paint = paint;
    }

    /// <summary>Denoises.</summary>
    /// <returns>The final latents, <c>[1, H / 8, W / 8, C]</c>; they belong to the caller's scope.</returns>
    public Tensor Run(IProgress<GenerationProgress>? progress)
    {
        Sampler sampler = _plan.Sampler;
        long start = Stopwatch.GetTimestamp();
        using TensorScope scope = TensorScope.Enter();
        Tensor latents = _start.Sample;
        using SamplerRun run = sampler.Start(_plan.FirstCall);
        for (int call = _plan.FirstCall; call < sampler.CallCount; call++)
        {
            (Tensor next, Tensor? guided) = Step(run, call, latents, isWatched: progress is not null);
            if (guided is not null)
            {
                Tensor sample = latents;
                Report(progress!, call, next, () => sampler.CleanEstimate(guided, call, sample), start);
                guided.Dispose();
            }

            latents = latents.ReplacedBy(next);
        }

        return scope.Keep(latents);
    }

    /// <summary>Frees what was computed once.</summary>
    public void Dispose()
    {
        _replay.Dispose();
        _controls.Dispose();
        _times.Dispose();
    }

    /// <summary>One call. Who watches gets the estimate that led to the next latents, too.</summary>
    private (Tensor Next, Tensor? Guided) Step(SamplerRun run, int call, Tensor latents, bool isWatched)
    {
        using TensorScope scope = TensorScope.Enter();
        Sampler sampler = _plan.Sampler;
        float timestep = (float)sampler.Timesteps[call];
        Tensor input = sampler.ScaleInput(latents, call);
        string acting = $"{_texts.StateAt(call)} {_controls.ActingAt(call)}";
        Tensor estimate = _replay.Repeats(acting) && !ModuleTrace.Listening
            ? _replay.Run([input, _times.AllOf(timestep)], fed => Replayable(fed[0], fed[1], call, timestep))
            : Estimate(input, call, timestep, _times);
        Tensor guided = _plan.Prompts.Guide(estimate, _plan.Request.GuidanceScale, _plan.Request.GuidanceRescale);
        Tensor next = scope.Keep(_start.Restore(run.Step(guided, call, latents, _noise.Draw), call));
        return (next, isWatched ? scope.Keep(guided.Rows(0, guided.Shape[0])) : null);
    }

    /// <summary>
    /// What the networks make of the latents. Calls that read the same texts and in which the same controls act differ
    /// in the latents and in the time alone, and the first of them has computed what does not depend on either.
    /// </summary>
    private Tensor Estimate(Tensor input, int call, float timestep, TimeContext times)
    {
        ControlResiduals? residuals = _controls.At(input, call, timestep, times);
        return _unet.Forward(_start.Input(input), [timestep], _texts.At(call), residuals, times);
    }

    private Tensor Replayable(Tensor input, Tensor time, int call, float timestep)
    {
        using TimeContext times = _times.Over(time, timestep);
        return Estimate(input, call, timestep, times);
    }

    private void Report(
        IProgress<GenerationProgress> progress, int call, Tensor latents, Func<Tensor> clean, long start)
    {
        bool returned = false;
        T Inside<T>(Func<T> read) => returned
            ? throw new InvalidOperationException("the latents have moved on; copy them inside IProgress.Report")
            : read();
        progress.Report(new GenerationProgress(
            call + 1 - _plan.FirstCall, _plan.CallsTaken, _plan.Sampler.Timesteps[call],
            Stopwatch.GetElapsedTime(start), () => Inside(() => InTorchOrder(latents)),
            decode => Inside(() => Paint(clean, decode))));
        returned = true;
    }

    private RgbImage Paint(Func<Tensor> clean, bool decode)
    {
        using TensorScope scope = TensorScope.Enter();
        return _paint(clean(), decode);
    }

    /// <summary>A copy <c>[1, C, H, W]</c> that holds no memory of the device, wherever it is made.</summary>
    private static float[] InTorchOrder(Tensor latents)
    {
        using Tensor copy = Ops.ToChannelsFirst(latents);
        return copy.ToArray();
    }
}
