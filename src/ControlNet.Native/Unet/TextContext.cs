using System;
using System.Collections.Generic;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Unet;

/// <summary>
/// The text states the cross-attention of a UNet and its control networks read, together with the keys and values each
/// layer projects them to. The text is the same in every step of a request, so the projections are made in the first
/// step and kept here; dispose the context with the request.
/// </summary>
/// <remarks>
/// There may be several texts for each of the latents: with guidance the negative prompt and the prompt. Everything a
/// network computes before it reads the text is then the same for all of them and computed once.
/// </remarks>
public sealed class TextContext : IDisposable
{
    private readonly Dictionary<object, (Tensor Keys, Tensor Values)> _projections =
        new(ReferenceEqualityComparer.Instance);

    /// <summary>Wraps text states.</summary>
    /// <param name="states">
    /// <c>[M, T, C]</c>, F32 or in the activations of the networks; T is 77, or a multiple for long prompts. For N
    /// latents M is N or a multiple: entry i belongs to the latents i modulo N, so that the negative prompts of a batch
    /// come first, then the prompts. Stays the caller's and must live as long as the context.
    /// </param>
    public TextContext(Tensor states)
    {
        ArgumentNullException.ThrowIfNull(states);
        States = states;
    }

    /// <summary>The text states, <c>[M, T, C]</c>.</summary>
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

    /// <summary>
    /// One member for each text: <paramref name="x"/> itself where it has them, else its members over and over.
    /// </summary>
    /// <param name="x"><c>[N, …]</c>; N divides the number of texts.</param>
    /// <returns><c>[M, …]</c>, in the caller's scope when it is new.</returns>
    internal Tensor ForEach(Tensor x)
    {
        int times = States.Shape[0] / x.Shape[0];
        if (times == 1)
        {
            return x;
        }

        Tensor[] copies = new Tensor[times];
        Array.Fill(copies, x);
        return Ops.Concat(0, copies);
    }

    /// <summary>What <paramref name="layer"/> projected the states to; null when it did not yet.</summary>
    internal (Tensor Keys, Tensor Values)? ProjectionsOf(object layer) =>
        _projections.TryGetValue(layer, out (Tensor Keys, Tensor Values) found) ? found : null;

    /// <summary>Keeps the projections of <paramref name="layer"/>, out of the scopes they were made in.</summary>
    internal void Keep(object layer, Tensor keys, Tensor values) =>
        _projections.Add(layer, (keys.Detach(), values.Detach()));
}
