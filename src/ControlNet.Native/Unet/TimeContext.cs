using System;
using System.Collections.Generic;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Unet;

/// <summary>
/// The timesteps a request will ask for, together with what a UNet and its control networks make of them: the time
/// embedding and its projection in each residual block depend on nothing else. They are made for all timesteps at once,
/// so that their weights are read once a request and not once a step, and kept here; dispose the context with the
/// request.
/// </summary>
public sealed class TimeContext : IDisposable
{
    private readonly float[] _timesteps;
    private readonly Dictionary<object, Tensor> _rows = new(ReferenceEqualityComparer.Instance);

    /// <summary>Remembers the timesteps. Nothing is computed before a network asks.</summary>
    /// <param name="timesteps">
    /// Those of each call of the sampler, in any order; may repeat and be fractional. A network that is asked for
    /// another one computes it by itself.
    /// </param>
    /// <exception cref="ModelException">One is not a number.</exception>
    public TimeContext(params ReadOnlySpan<float> timesteps)
    {
        for (int i = 0; i < timesteps.Length; i++)
        {
            if (!float.IsFinite(timesteps[i]))
            {
                throw new ModelException(
                    $"timestep {i} is {timesteps[i]}; give a number, 0 to 999 in Stable Diffusion");
            }
        }

        _timesteps = timesteps.ToArray();
    }

    /// <summary>The timesteps as they were given.</summary>
    public ReadOnlySpan<float> Timesteps => _timesteps;

    /// <summary>Frees what was made of the timesteps. Disposing twice is allowed.</summary>
    public void Dispose()
    {
        foreach (Tensor rows in _rows.Values)
        {
            rows.Dispose();
        }

        _rows.Clear();
    }

    /// <summary>Row of a timestep; -1 when it was not announced.</summary>
    internal int RowOf(float timestep) => Array.IndexOf(_timesteps, timestep);

    /// <summary>What <paramref name="layer"/> made of the timesteps, row by row; null when it did not yet.</summary>
    internal Tensor? RowsOf(object layer) => _rows.GetValueOrDefault(layer);

    /// <summary>Keeps the rows of <paramref name="layer"/>, out of the scope they were made in.</summary>
    /// <returns>The same tensor.</returns>
    internal Tensor Keep(object layer, Tensor rows)
    {
        _rows.Add(layer, rows.Detach());
        return rows;
    }
}
