using System;
using System.Globalization;

namespace ControlNet.Native.Training;

/// <summary>How the learning rate goes over the steps; names as diffusers' <c>SchedulerType</c>.</summary>
public enum LearningRateShape
{
    /// <summary>The same at every step; a warm-up is ignored.</summary>
    Constant,

    /// <summary>The same at every step after the warm-up.</summary>
    ConstantWithWarmup,

    /// <summary>Down to 0 in a line.</summary>
    Linear,

    /// <summary>Down along half a cosine, or as many cycles as are asked for.</summary>
    Cosine,

    /// <summary>Down along half a cosine, again and again from the top.</summary>
    CosineWithRestarts,

    /// <summary>Down to a last rate along a power of what is left; 1 is a line.</summary>
    Polynomial,
}

/// <summary>
/// The learning rate of each optimiser step, as diffusers' <c>get_scheduler</c> has it. A pure function: there is no
/// state to save.
/// </summary>
/// <remarks>
/// Source: diffusers, <c>optimization.py</c> (<c>get_constant_schedule</c> and its siblings), which follows
/// transformers. The first optimiser step is number 0; with a warm-up its rate is 0.
/// </remarks>
public sealed record LearningRateSchedule
{
    /// <summary>The curve.</summary>
    public LearningRateShape Shape { get; init; } = LearningRateShape.Constant;

    /// <summary>The rate at the top.</summary>
    public double BaseRate { get; init; } = 1e-5;

    /// <summary>Optimiser steps from 0 up to the top; every shape but <c>Constant</c> has them.</summary>
    public int WarmupSteps { get; init; }

    /// <summary>
    /// Optimiser steps of the whole run, the warm-up included; the shapes that go down need it.
    /// </summary>
    public int TotalSteps { get; init; }

    /// <summary>
    /// Waves of a cosine: of <c>Cosine</c> 0.5 by default (down once), of <c>CosineWithRestarts</c> 1 (rounds). Null
    /// for the default.
    /// </summary>
    public double? Cycles { get; init; }

    /// <summary>Where <c>Polynomial</c> ends.</summary>
    public double EndRate { get; init; } = 1e-7;

    /// <summary>The power of <c>Polynomial</c>.</summary>
    public double Power { get; init; } = 1;

    /// <summary>The rate of an optimiser step.</summary>
    /// <param name="step">Optimiser steps done before it, from 0.</param>
    public double Rate(long step) => BaseRate * Factor(step);

    /// <summary>The rate of an optimiser step as a part of <see cref="BaseRate"/>.</summary>
    /// <param name="step">Optimiser steps done before it, from 0.</param>
    public double Factor(long step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        if (Shape == LearningRateShape.Constant)
        {
            return 1;
        }

        if (step < WarmupSteps)
        {
            return (double)step / Math.Max(1, WarmupSteps);
        }

        double progress = (double)(step - WarmupSteps) / Math.Max(1, TotalSteps - WarmupSteps);
        return Shape switch
        {
            LearningRateShape.ConstantWithWarmup => 1,
            LearningRateShape.Linear =>
                Math.Max(0, (double)(TotalSteps - step) / Math.Max(1, TotalSteps - WarmupSteps)),
            LearningRateShape.Cosine => Wave((Cycles ?? 0.5) * 2 * progress),
            LearningRateShape.CosineWithRestarts => progress >= 1 ? 0 : Wave((Cycles ?? 1) * progress % 1),
            LearningRateShape.Polynomial => Polynomial(step, progress),
            _ => throw new InvalidOperationException($"unknown learning rate shape {(int)Shape}"),
        };
    }

    /// <summary>Checks every value.</summary>
    /// <param name="steps">Optimiser steps of the run.</param>
    /// <exception cref="TrainingOptionsException">
    /// One is out of its range; the message names it and the range.
    /// </exception>
    internal void Validate(long steps)
    {
        if (!Enum.IsDefined(Shape))
        {
            throw new TrainingOptionsException(
                $"Shape is {Shape}, but must be one of {string.Join(", ", Enum.GetNames<LearningRateShape>())}");
        }

        TrainingOptions.Require("LearningRate", BaseRate, 1e-12, 1);
        TrainingOptions.Require(nameof(WarmupSteps), WarmupSteps, 0, int.MaxValue);
        TrainingOptions.Require(nameof(Cycles), Cycles ?? 1, 0, 1000);
        TrainingOptions.Require(nameof(EndRate), EndRate, 0, 1);
        TrainingOptions.Require(nameof(Power), Power, 0, 100);
        if (Shape is not (LearningRateShape.Constant or LearningRateShape.ConstantWithWarmup) && TotalSteps < steps)
        {
            throw new TrainingOptionsException(FormattableString.Invariant(
                $"TotalSteps is {TotalSteps}, but a rate that goes down needs at least the {steps} steps of the run"));
        }
    }

    /// <summary>Every value that the rates depend on, the same in every culture.</summary>
    internal string Fingerprint()
    {
        FormattableString rates = Shape switch
        {
            LearningRateShape.Constant => $"{BaseRate}",
            LearningRateShape.ConstantWithWarmup => $"{BaseRate} warm-up {WarmupSteps}",
            LearningRateShape.Polynomial =>
                $"{BaseRate} warm-up {WarmupSteps} total {TotalSteps} end {EndRate} power {Power}",
            _ => $"{BaseRate} warm-up {WarmupSteps} total {TotalSteps} cycles {Cycles}",
        };
        return $"{Shape} {rates.ToString(CultureInfo.InvariantCulture)}";
    }

    /// <summary>From 1 at 0 down to 0 at 1, and up again.</summary>
    private static double Wave(double halfTurns) => Math.Max(0, 0.5 * (1 + Math.Cos(Math.PI * halfTurns)));

    private double Polynomial(long step, double progress)
    {
        double end = step > TotalSteps
            ? EndRate
            : (BaseRate - EndRate) * Math.Pow(1 - progress, Power) + EndRate;
        return end / BaseRate;
    }
}
