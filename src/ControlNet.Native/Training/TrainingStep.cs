using System;
using System.Threading;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Training;

/// <summary>
/// Takes optimiser steps: batches forwards and backwards, the gradient clipped, AdamW. The trainer takes them, and so
/// does the rehearsal that finds out their memory.
/// </summary>
internal sealed class TrainingStep(TrainingTask task, TrainingOptions options, AdamWOptimizer optimizer) : IDisposable
{
    private readonly Gradients _gradients = new();

    // Without clipping and accumulation a weight can be stepped as soon as its gradient is known.
    private readonly bool _fused = options is { ClipNorm: 0, Accumulation: 1 };

    /// <summary>Takes one step. Whatever ends it early leaves no gradient behind.</summary>
    /// <param name="step">Steps done before it.</param>
    /// <param name="position">Samples seen before it.</param>
    /// <param name="batchAt">The batch that begins at a position.</param>
    /// <param name="cancellation">Looked at before each batch.</param>
    /// <returns>
    /// What it was like. When it is not finite the weights are as before; only where the gradient was not finite in a
    /// fused step, those whose gradients came before the one that was not have been stepped.
    /// </returns>
    public StepOutcome Take(
        long step, long position, Func<long, TrainingBatch> batchAt, CancellationToken cancellation)
    {
        double rate = options.Schedule.Rate(step), loss = 0, squares = 0;
        AdamWSettings settings = new()
        {
            LearningRate = rate, Beta1 = options.Beta1, Beta2 = options.Beta2, Eps = options.Eps,
            WeightDecay = options.WeightDecay, GradientScale = 1d / options.Accumulation,
        };
        Action<Tensor, Tensor>? whenComplete = _fused ? StepNow : null;
        try
        {
            for (int i = 0; i < options.Accumulation; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                TrainingBatch batch = batchAt(position);
                loss += task.Accumulate(batch, _gradients, whenComplete) / options.Accumulation;
                position += batch.Count;
            }

            double norm = _fused ? Math.Sqrt(squares) : optimizer.Norm(_gradients) / options.Accumulation;
            StepOutcome outcome = new(loss, norm, rate, position);
            if (!_fused && outcome.IsFinite)
            {
                optimizer.Step(
                    _gradients, step + 1,
                    settings with { GradientScale = settings.GradientScale * ClipFactor(norm) });
            }

            return outcome;
        }
        finally
        {
            _gradients.Clear();
        }

        void StepNow(Tensor value, Tensor gradient)
        {
            squares += AdamWOptimizer.SquaredNorm(gradient);
            if (double.IsFinite(squares))
            {
                optimizer.Step(value, gradient, step + 1, settings);
            }

            _gradients.Free(value);
        }
    }

    /// <summary>Frees what is left of gradients.</summary>
    public void Dispose() => _gradients.Dispose();

    /// <summary>As torch.nn.utils.clip_grad_norm_ has it.</summary>
    private double ClipFactor(double norm) =>
        options.ClipNorm > 0 ? Math.Min(1, options.ClipNorm / (norm + 1e-6)) : 1;
}

/// <summary>What an optimiser step was like.</summary>
/// <param name="Loss">Mean over its batches.</param>
/// <param name="Norm">Length of the gradient before it was clipped.</param>
/// <param name="Rate">Learning rate.</param>
/// <param name="Position">Samples seen with it.</param>
internal readonly record struct StepOutcome(double Loss, double Norm, double Rate, long Position)
{
    /// <summary>Whether the step could be taken.</summary>
    public bool IsFinite => double.IsFinite(Loss) && double.IsFinite(Norm);
}
