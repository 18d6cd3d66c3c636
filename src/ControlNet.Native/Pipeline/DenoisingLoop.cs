using System;
using System.Diagnostics;
using System.Linq;
using ControlNet.Native.Control;
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
    private readonly TextContext _context;
    private readonly DenoisingStart _start;
    private readonly LatentNoise _noise;
    private readonly TimeContext _times;
    private readonly ControlRun _controls;
    private readonly Replay _replay;

    /// <param name="unet">The network that estimates the noise.</param>
    /// <param name="device">Where it computes.</param>
    /// <param name="plan">What to do.</param>
    /// <param name="context">The text of each half: the negative prompt first, as in diffusers.</param>
    /// <param name="start">What it starts from; the caller's.</param>
    /// <param name="noise">Noise for the steps that draw some.</param>
    public DenoisingLoop(
        UnetModel unet, Device device, GenerationPlan plan, TextContext context, DenoisingStart start,
        LatentNoise noise)
    {
        _unet = unet;
        _plan = plan;
        _context = context;
        _start = start;
        _noise = noise;
        _times = new TimeContext([.. plan.Sampler.Timesteps.Select(timestep => (float)timestep)]);
        _controls = new ControlRun(plan, context);
        _replay = new Replay(device);
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
            latents = latents.ReplacedBy(Step(run, call, latents));
            Report(progress, call, latents, start);
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

    private Tensor Step(SamplerRun run, int call, Tensor latents)
    {
        using TensorScope scope = TensorScope.Enter();
        Sampler sampler = _plan.Sampler;
        float timestep = (float)sampler.Timesteps[call];
        Tensor input = sampler.ScaleInput(latents, call);
        Tensor estimate = _replay.Repeats(_controls.ActingAt(call)) && !ModuleTrace.Listening
            ? _replay.Run([input, _times.AllOf(timestep)], fed => Replayable(fed[0], fed[1], call, timestep))
            : Estimate(input, call, timestep, _times);
        return scope.Keep(_start.Restore(run.Step(Guide(estimate), call, latents, _noise.Draw), call));
    }

    /// <summary>
    /// What the networks make of the latents. Calls in which the same controls act differ in the latents and in the
    /// time alone, and the first of them has computed what does not depend on either.
    /// </summary>
    private Tensor Estimate(Tensor input, int call, float timestep, TimeContext times)
    {
        ControlResiduals? residuals = _controls.At(input, call, timestep, times);
        return _unet.Forward(_start.Input(input), [timestep], _context, residuals, times);
    }

    private Tensor Replayable(Tensor input, Tensor time, int call, float timestep)
    {
        using TimeContext times = _times.Over(time, timestep);
        return Estimate(input, call, timestep, times);
    }

    /// <summary>Joins the halves: <c>uncond + w (cond - uncond)</c>.</summary>
    private Tensor Guide(Tensor estimate)
    {
        if (!_plan.HasGuidance)
        {
            return estimate;
        }

        float w = _plan.Request.GuidanceScale;
        int half = estimate.Shape[0] / 2;
        return Ops.LinearCombination((1 - w, estimate.Rows(0, half)), (w, estimate.Rows(half, half)));
    }

    private void Report(IProgress<GenerationProgress>? progress, int call, Tensor latents, long start)
    {
        if (progress is null)
        {
            return;
        }

        bool returned = false;
        progress.Report(new GenerationProgress(
            call + 1 - _plan.FirstCall, _plan.CallsTaken, _plan.Sampler.Timesteps[call],
            Stopwatch.GetElapsedTime(start),
            () => returned
                ? throw new InvalidOperationException("the latents have moved on; copy them inside IProgress.Report")
                : InTorchOrder(latents)));
        returned = true;
    }

    /// <summary>A copy <c>[1, C, H, W]</c> that holds no memory of the device, wherever it is made.</summary>
    private static float[] InTorchOrder(Tensor latents)
    {
        using Tensor copy = Ops.ToChannelsFirst(latents);
        return copy.ToArray();
    }
}
