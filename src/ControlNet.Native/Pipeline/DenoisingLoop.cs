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
    private readonly PromptContexts _texts;
    private readonly Device _device;
    private readonly Shape _latentShape;
    private readonly TimeContext _times;
    private readonly ControlRun _controls;
    private readonly Replay _replay;

    /// <param name="unet">The network that estimates the noise.</param>
    /// <param name="device">Where it computes.</param>
    /// <param name="plan">What to do.</param>
    /// <param name="texts">The texts: the negative prompt first, as in diffusers.</param>
    /// <param name="latentShape">Shape of the latents of one image, <c>[1, H / 8, W / 8, C]</c>.</param>
    public DenoisingLoop(UnetModel unet, Device device, GenerationPlan plan, PromptContexts texts, Shape latentShape)
    {
        _unet = unet;
        _device = device;
        _plan = plan;
        _texts = texts;
        _latentShape = latentShape;
        _times = new TimeContext([.. plan.Sampler.Timesteps.Select(timestep => (float)timestep)]);
        _controls = new ControlRun(plan, texts);
        _replay = new Replay(device);
    }

    /// <summary>Denoises.</summary>
    /// <returns>The final latents, <c>[1, H / 8, W / 8, C]</c>; they belong to the caller's scope.</returns>
    public Tensor Run(IProgress<GenerationProgress>? progress)
    {
        Sampler sampler = _plan.Sampler;
        long start = Stopwatch.GetTimestamp();
        using TensorScope scope = TensorScope.Enter();
        Tensor latents = InitialLatents();
        using SamplerRun run = sampler.Start();
        for (int call = 0; call < sampler.CallCount; call++)
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
        string acting = $"{_texts.StateAt(call)} {_controls.ActingAt(call)}";
        Tensor estimate = _replay.Repeats(acting) && !ModuleTrace.Listening
            ? _replay.Run([input, _times.AllOf(timestep)], fed => Replayable(fed[0], fed[1], call, timestep))
            : Estimate(input, call, timestep, _times);
        Tensor guided = _plan.Prompts.Guide(estimate, _plan.Request.GuidanceScale);
        return scope.Keep(run.Step(guided, call, latents, DrawNoise));
    }

    /// <summary>
    /// What the networks make of the latents. Calls that read the same texts and in which the same controls act differ
    /// in the latents and in the time alone, and the first of them has computed what does not depend on either.
    /// </summary>
    private Tensor Estimate(Tensor input, int call, float timestep, TimeContext times)
    {
        ControlResiduals? residuals = _controls.At(input, call, timestep, times);
        return _unet.Forward(input, [timestep], _texts.At(call), residuals, times);
    }

    private Tensor Replayable(Tensor input, Tensor time, int call, float timestep)
    {
        using TimeContext times = _times.Over(time, timestep);
        return Estimate(input, call, timestep, times);
    }

    private Tensor InitialLatents()
    {
        using TensorScope scope = TensorScope.Enter();
        Tensor noise = _plan.Request.InitialLatents is { } given ? FromTorchOrder(given.Span) : DrawNoise();
        return scope.Keep(Ops.Scale(noise, (float)_plan.Sampler.InitialNoiseScale));
    }

    /// <summary>One <c>torch.randn</c> of the shape of the latents.</summary>
    private Tensor DrawNoise()
    {
        float[] values = new float[_latentShape.Count];
        _plan.Noise.FillNormal(values);
        return FromTorchOrder(values);
    }

    /// <summary>Values in PyTorch's order <c>[1, C, H, W]</c> as latents <c>[1, H, W, C]</c>.</summary>
    private Tensor FromTorchOrder(ReadOnlySpan<float> values)
    {
        using TensorScope scope = TensorScope.Enter();
        Shape torch = new(_latentShape[0], _latentShape[3], _latentShape[1], _latentShape[2]);
        return scope.Keep(Ops.ToChannelsLast(Tensor.From(_device, torch, values)));
    }

    private void Report(IProgress<GenerationProgress>? progress, int call, Tensor latents, long start)
    {
        if (progress is null)
        {
            return;
        }

        bool returned = false;
        progress.Report(new GenerationProgress(
            call + 1, _plan.Sampler.CallCount, _plan.Sampler.Timesteps[call], Stopwatch.GetElapsedTime(start),
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
