using System;
using System.Collections.Generic;
using System.Linq;
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

    /// <summary>
    /// The projections side by side, <c>[S, sum of C]</c>, and whose they are; null before it is asked for.
    /// </summary>
    private Tensor? _joined;
    private object[] _joinedLayers = [];

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
        _joined?.Dispose();
        _joined = null;
    }

    /// <summary>
    /// Everything residual blocks take of one timestep, in one row: what a step that is replayed is fed with, because
    /// it reads the same memory each time.
    /// </summary>
    /// <param name="timestep">One that was announced.</param>
    /// <returns><c>[1, sum of C]</c> of the layers that have asked so far, in the caller's scope.</returns>
    internal Tensor AllOf(float timestep)
    {
        object[] layers = [.. _rows.Keys.Where(layer => layer is Linear)];
        if (_joined is null || layers.Length != _joinedLayers.Length)
        {
            Tensor joined = Ops.Concat(1, [.. layers.Select(layer => _rows[layer])]).Detach();
            _joined?.Dispose();
            (_joined, _joinedLayers) = (joined, layers);
        }

        return _joined.Rows(RowOf(timestep), 1);
    }

    /// <summary>A context of one timestep over a row like that of <see cref="AllOf"/>.</summary>
    /// <param name="row"><c>[1, sum of C]</c>; stays the caller's and must live as long as the context.</param>
    /// <param name="timestep">What the forward will call it.</param>
    internal TimeContext Over(Tensor row, float timestep)
    {
        using TensorScope scope = TensorScope.Enter();
        TimeContext context = new(timestep);
        Tensor all = row.Reshape(-1);
        int start = 0;
        foreach (object layer in _joinedLayers)
        {
            int width = _rows[layer].Shape[1];
            _ = context.Keep(layer, all.Rows(start, width).Reshape(1, width));
            start += width;
        }

        return context;
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
