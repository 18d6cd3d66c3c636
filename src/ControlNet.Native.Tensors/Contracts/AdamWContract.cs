using System;

namespace ControlNet.Native.Tensors.Contracts;

/// <summary>The factors of one step, derived in float64 and rounded once.</summary>
/// <param name="Count">Parameters.</param>
/// <param name="GradientScale">Factor of the gradients.</param>
/// <param name="Beta1">Share the mean keeps.</param>
/// <param name="Rest1">1 - beta1.</param>
/// <param name="Beta2">Share the mean of squares keeps.</param>
/// <param name="Rest2">1 - beta2.</param>
/// <param name="Keep">Share a parameter keeps under weight decay, 1 - rate * decay.</param>
/// <param name="Rate">Learning rate / (1 - beta1^step).</param>
/// <param name="RootScale">1 / sqrt(1 - beta2^step).</param>
/// <param name="Eps">Added to the root.</param>
internal readonly record struct AdamWDims(
    long Count, float GradientScale, float Beta1, float Rest1, float Beta2, float Rest2, float Keep, float Rate,
    float RootScale, float Eps)
{
    /// <summary>Checks one call and derives its dims. Touches no memory.</summary>
    /// <exception cref="ShapeException">The shapes differ, or a setting is out of its range.</exception>
    public static AdamWDims Infer(
        Shape parameter, Shape gradient, Shape mean, Shape square, long step, in AdamWSettings settings)
    {
        if (gradient != parameter || mean != parameter || square != parameter)
        {
            throw new ShapeException(
                $"AdamW: gradient, mean and square must be {parameter} like the parameter, got {gradient}, {mean} " +
                $"and {square}");
        }

        if (step < 1)
        {
            throw new ShapeException($"AdamW: steps are counted from 1, got {step}");
        }

        if (!(settings.Beta1 is >= 0 and < 1 && settings.Beta2 is >= 0 and < 1))
        {
            throw new ShapeException(
                $"AdamW: both betas must be from 0 up to below 1, got {settings.Beta1} and {settings.Beta2}");
        }

        if (!(settings.LearningRate >= 0 && settings.Eps >= 0 && settings.WeightDecay >= 0))
        {
            throw new ShapeException(
                $"AdamW: learning rate, eps and weight decay must not be below 0, got {settings.LearningRate}, " +
                $"{settings.Eps} and {settings.WeightDecay}");
        }

        return new AdamWDims(
            parameter.Count, (float)settings.GradientScale, (float)settings.Beta1, (float)(1 - settings.Beta1),
            (float)settings.Beta2, (float)(1 - settings.Beta2),
            (float)(1 - (settings.LearningRate * settings.WeightDecay)),
            (float)(settings.LearningRate / (1 - Math.Pow(settings.Beta1, step))),
            (float)(1 / Math.Sqrt(1 - Math.Pow(settings.Beta2, step))), (float)settings.Eps);
    }
}

/// <summary>
/// The optimiser's step as a backend must provide it. Source: Loshchilov and Hutter, 2017, arXiv:1711.05101,
/// algorithm 2, in the order of operations of PyTorch.
/// </summary>
/// <remarks>Numerics: float32. Aliasing: parameter, mean and square change in place and overlap nothing.</remarks>
internal interface IAdamWKernels
{
    /// <summary>
    /// With g = GradientScale * gradient: mean = Beta1 mean + Rest1 g, square = Beta2 square + Rest2 g^2,
    /// parameter = Keep parameter - Rate mean / (RootScale sqrt(square) + Eps).
    /// </summary>
    void Step(in AdamWDims d, BufferView gradient, BufferView parameter, BufferView mean, BufferView square);
}
