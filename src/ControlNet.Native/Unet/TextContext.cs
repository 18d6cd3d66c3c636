using System;
using System.Collections.Generic;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Unet;

/// <summary>
/// The text states the cross-attention of a UNet and its control networks read, together with the keys and values each
/// layer projects them to. The text is the same in every step of a request, so the projections are made in the first
/// step and kept here; dispose the context with the request.
/// </summary>
public sealed class TextContext : IDisposable
{
    private readonly Dictionary<object, (Tensor Keys, Tensor Values)> _projections =
        new(ReferenceEqualityComparer.Instance);

    /// <summary>Wraps text states.</summary>
    /// <param name="states">
    /// F32 <c>[N, T, C]</c>, one entry for each latent of the batch; T is 77, or a multiple for long prompts. Stays the
    /// caller's and must live as long as the context.
    /// </param>
    public TextContext(Tensor states)
    {
        ArgumentNullException.ThrowIfNull(states);
        States = states;
    }

    /// <summary>The text states, <c>[N, T, C]</c>.</summary>
    public Tensor States { get; }

    /// <summary>Frees the projections. Disposing twice is allowed.</summary>
    public void Dispose()
    {
        foreach ((Tensor keys, Tensor values) in _projections.Values)
        {
            keys.Dispose();
            values.Dispose();
        }

        _projections.Clear();
    }

    /// <summary>What <paramref name="layer"/> projected the states to; null when it did not yet.</summary>
    internal (Tensor Keys, Tensor Values)? ProjectionsOf(object layer) =>
        _projections.TryGetValue(layer, out (Tensor Keys, Tensor Values) found) ? found : null;

    /// <summary>Keeps the projections of <paramref name="layer"/>, out of the scopes they were made in.</summary>
    internal void Keep(object layer, Tensor keys, Tensor values) =>
        _projections.Add(layer, (keys.Detach(), values.Detach()));
}
