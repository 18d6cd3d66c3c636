using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Sampling;

/// <summary>
/// The plan of a denoising process: which timesteps the UNet is called at and how its outputs lead from noise to a
/// sample. Immutable and shared by any number of runs and threads; what one image needs in between is in the
/// <see cref="SamplerRun"/> that <see cref="Start"/> makes.
/// </summary>
/// <remarks>
/// One run, with <c>noise</c> unit normal:
/// <code>
/// Tensor x = Ops.Scale(noise, (float)sampler.InitialNoiseScale);
/// using SamplerRun run = sampler.Start();
/// for (int call = 0; call &lt; sampler.CallCount; call++)
/// {
///     Tensor output = model(sampler.ScaleInput(x, call), sampler.Timesteps[call]);
///     x = run.Step(output, call, x, () => moreNoise);
/// }
/// </code>
/// </remarks>
public abstract class Sampler
{
    private protected Sampler(
        SchedulerConfig config, int steps, NoiseSchedule schedule, double[] timesteps, double[] sigmas,
        double initialNoiseScale)
    {
        Config = config;
        Steps = steps;
        Schedule = schedule;
        Timesteps = Array.AsReadOnly(Array.ConvertAll(timesteps, t => (double)(float)t));
        Sigmas = Array.AsReadOnly(sigmas);
        InitialNoiseScale = initialNoiseScale;
    }

    /// <summary>What the sampler was made from.</summary>
    public SchedulerConfig Config { get; }

    /// <summary>Steps asked for.</summary>
    public int Steps { get; }

    /// <summary>The forward process that is undone.</summary>
    public NoiseSchedule Schedule { get; }

    /// <summary>
    /// The timestep of every UNet call; may be fractional, and repeats where a step takes several calls.
    /// </summary>
    public IReadOnlyList<double> Timesteps { get; }

    /// <summary>
    /// The noise levels between the calls, in units of the signal; empty for samplers that work on whole timesteps.
    /// </summary>
    public IReadOnlyList<double> Sigmas { get; }

    /// <summary>UNet calls of a full run.</summary>
    public int CallCount => Timesteps.Count;

    /// <summary>
    /// Calls that belong to one step where that is fixed, else 1: image-to-image starts at
    /// <c>skippedSteps * CallsPerStep</c>. The order of the diffusers scheduler.
    /// </summary>
    public virtual int CallsPerStep => 1;

    /// <summary>Factor of unit normal noise that gives the sample of the first call.</summary>
    public double InitialNoiseScale { get; }

    /// <summary>Makes the sampler a configuration names.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="steps">
    /// Steps, from 1 to the timesteps of training; where the configuration lists them, as many as it lists.
    /// </param>
    /// <exception cref="SamplingException">
    /// The configuration contradicts itself or does not allow that many steps.
    /// </exception>
    public static Sampler Create(SchedulerConfig config, int steps)
    {
        ArgumentNullException.ThrowIfNull(config);
        if (steps < 1 || steps > config.TrainTimesteps)
        {
            throw new SamplingException(
                $"steps is {steps}, but must be from 1 to the {config.TrainTimesteps} timesteps of training");
        }

        CustomSteps.Check(config, steps);
        Sampler sampler = config.Kind switch
        {
            SamplerKind.Ddim => new DdimSampler(config, steps),
            SamplerKind.Pndm => new PndmSampler(config, steps),
            SamplerKind.Euler => new EulerSampler(config, steps),
            SamplerKind.EulerAncestral => new EulerAncestralSampler(config, steps),
            SamplerKind.DpmPlusPlus2M or SamplerKind.DpmPlusPlus2MSde => new DpmSolverSampler(config, steps),
            SamplerKind.DpmPlusPlus2S => new DpmSinglestepSampler(config, steps),
            SamplerKind.UniPc => new UniPcSampler(config, steps),
            SamplerKind.Ddpm => new DdpmSampler(config, steps),
            SamplerKind.Heun => new HeunSampler(config, steps),
            SamplerKind.Lms => new LmsSampler(config, steps),
            SamplerKind.Dpm2 or SamplerKind.Dpm2Ancestral => new Dpm2Sampler(config, steps),
            SamplerKind.Deis => new DeisSampler(config, steps),
            SamplerKind.Lcm => new LcmSampler(config, steps),
            _ => throw new SamplingException($"there is no sampler {config.Kind}"),
        };
        if (sampler.Timesteps.Any(t => t < 0 || t > config.TrainTimesteps - 1))
        {
            throw new SamplingException(
                $"steps_offset {config.StepsOffset} moves a timestep to {sampler.Timesteps.Max()}, the last one is " +
                $"{config.TrainTimesteps - 1}; make it smaller");
        }

        return sampler;
    }

    /// <summary>Whether <see cref="SamplerRun.Step"/> asks for noise at a call of a full run.</summary>
    public virtual bool DrawsNoise(int callIndex) => false;

    /// <summary>
    /// The sample as the UNet takes it at a call; the sample itself where the sampler does not scale.
    /// </summary>
    /// <param name="sample">The sample, any shape.</param>
    /// <param name="callIndex">The call, from 0.</param>
    /// <exception cref="SamplingException">There is no such call.</exception>
    public Tensor ScaleInput(Tensor sample, int callIndex)
    {
        CheckCall(callIndex);
        double factor = InputScale(callIndex);
        return factor == 1 ? sample : Ops.Scale(sample, (float)factor);
    }

    /// <summary>A clean sample noised to the level of the sample of a call; image-to-image starts from it.</summary>
    /// <param name="x0">Clean sample, any shape.</param>
    /// <param name="noise">Unit normal noise of that shape.</param>
    /// <param name="callIndex">The call, from 0.</param>
    /// <exception cref="SamplingException">There is no such call.</exception>
    public Tensor AddNoise(Tensor x0, Tensor noise, int callIndex)
    {
        CheckCall(callIndex);
        (double signal, double deviation) = NoiseMix(callIndex);
        return Ops.LinearCombination(((float)signal, x0), ((float)deviation, noise));
    }

    /// <summary>
    /// The clean sample that a model output stands for: where the process would end if the model saw right already.
    /// </summary>
    /// <param name="modelOutput">What the UNet made of the scaled sample, after guidance.</param>
    /// <param name="callIndex">The call, from 0.</param>
    /// <param name="sample">The sample, not scaled; the shape of the output.</param>
    /// <exception cref="SamplingException">There is no such call.</exception>
    public Tensor CleanEstimate(Tensor modelOutput, int callIndex, Tensor sample)
    {
        ArgumentNullException.ThrowIfNull(modelOutput);
        ArgumentNullException.ThrowIfNull(sample);
        CheckCall(callIndex);
        return CleanForm(callIndex).Of(sample, modelOutput);
    }

    /// <summary>Begins a run. The caller disposes it.</summary>
    /// <param name="firstCall">
    /// The call it begins with, a multiple of <see cref="CallsPerStep"/>; above 0 for image-to-image.
    /// </param>
    /// <exception cref="SamplingException">There is no such call, or it lies inside a step.</exception>
    public SamplerRun Start(int firstCall = 0)
    {
        CheckCall(firstCall);
        if (firstCall % CallsPerStep != 0)
        {
            throw new SamplingException(
                $"Start: call {firstCall} lies inside a step of {CallsPerStep} calls; begin with call " +
                $"{firstCall - (firstCall % CallsPerStep)}");
        }

        return NewRun(firstCall);
    }

    private protected virtual double InputScale(int call) => 1;

    /// <summary>Factors of clean sample and unit noise at a call.</summary>
    private protected virtual (double Signal, double Deviation) NoiseMix(int call)
    {
        double alphaCumprod = AlphaCumprod(Timesteps[call]);
        return (Math.Sqrt(alphaCumprod), Math.Sqrt(1 - alphaCumprod));
    }

    /// <summary>x0 as a form of sample and model output at a call.</summary>
    private protected virtual LinearForm CleanForm(int call)
    {
        (double signal, double deviation) = NoiseMix(call);
        return Prediction.Clean(Config.Prediction, signal, deviation);
    }

    private protected abstract SamplerRun NewRun(int firstCall);

    /// <summary>abar at a whole timestep; below 0 that of the end of the process.</summary>
    private protected double AlphaCumprod(double timestep) =>
        timestep >= 0 ? Schedule.AlphasCumprod[Math.Min((int)timestep, Schedule.TrainTimesteps - 1)]
        : Config.SetAlphaToOne ? 1 : Schedule.AlphasCumprod[0];

    private void CheckCall(int callIndex)
    {
        if ((uint)callIndex >= (uint)CallCount)
        {
            throw new SamplingException($"call {callIndex} does not exist; the sampler has calls 0 to {CallCount - 1}");
        }
    }
}
