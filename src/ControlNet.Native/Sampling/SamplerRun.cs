using System;
using System.Collections.Generic;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Sampling;

/// <summary>
/// One denoising process under way: the position in the plan and the tensors a multistep method remembers. Not for
/// several threads at once. Dispose it to free what it remembers.
/// </summary>
public abstract class SamplerRun : IDisposable
{
    private readonly Sampler _sampler;
    private readonly List<History> _histories = [];
    private bool _disposed;

    private protected SamplerRun(Sampler sampler, int firstCall)
    {
        _sampler = sampler;
        (FirstCall, NextCall) = (firstCall, firstCall);
    }

    /// <summary>The call the next <see cref="Step"/> must be for.</summary>
    public int NextCall { get; private set; }

    /// <summary>The call the run began with.</summary>
    private protected int FirstCall { get; }

    /// <summary>Steps taken before the present one.</summary>
    private protected int Taken => NextCall - FirstCall;

    /// <summary>Takes the sample to the noise level of the next call.</summary>
    /// <param name="modelOutput">
    /// What the UNet made of the scaled sample, after guidance; the shape of the sample.
    /// </param>
    /// <param name="callIndex">The call; every call of a run follows the one before.</param>
    /// <param name="sample">The sample, not scaled; any shape.</param>
    /// <param name="noise">
    /// Makes noise; called once where <see cref="Sampler.DrawsNoise"/>, else never and may be null.
    /// </param>
    /// <returns>A new tensor of the enclosing scope, or of the caller.</returns>
    /// <exception cref="SamplingException">
    /// The call is not the next one, or noise is needed and cannot be made.
    /// </exception>
    public Tensor Step(Tensor modelOutput, int callIndex, Tensor sample, NoiseRequest? noise = null)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(modelOutput);
        ArgumentNullException.ThrowIfNull(sample);
        if (callIndex != NextCall || callIndex >= _sampler.CallCount)
        {
            throw new SamplingException(NextCall < _sampler.CallCount
                ? $"Step: call {callIndex} is not the next one; the run is at call {NextCall} of {_sampler.CallCount}"
                : $"Step: the run has taken all its {_sampler.CallCount} calls; start another for a new image");
        }

        using TensorScope scope = TensorScope.Enter();
        Tensor next = scope.Keep(Advance(callIndex, modelOutput, sample, noise ?? NoNoise));
        NextCall++;
        return next;
    }

    /// <summary>Frees the tensors the run remembers.</summary>
    public void Dispose()
    {
        _disposed = true;
        foreach (History history in _histories)
        {
            history.Dispose();
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>Computes the next sample inside a scope of its own.</summary>
    private protected abstract Tensor Advance(int call, Tensor output, Tensor sample, NoiseRequest noise);

    /// <summary>A history that is freed with the run.</summary>
    private protected History Remember(int capacity)
    {
        History history = new(capacity);
        _histories.Add(history);
        return history;
    }

    private Tensor NoNoise() => throw new SamplingException(
        $"Step: {SamplerNames.Of(_sampler.Config.Kind)} draws noise at call {NextCall} and was given no way to; pass " +
        "a NoiseRequest");
}
