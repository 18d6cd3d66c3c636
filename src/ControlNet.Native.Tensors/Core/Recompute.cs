using System;

namespace ControlNet.Native.Tensors;

/// <summary>
/// Activation checkpointing: of a segment only the inputs are kept, and what lies inside is computed again when
/// backward comes to it. Source: Chen et al., 2016, arXiv:1604.06174.
/// </summary>
public static class Recompute
{
    /// <summary>Whether the open tape keeps only the inputs of segments.</summary>
    public static bool IsOn => Tape.Current is { Recomputes: true };

    /// <summary>
    /// Runs <paramref name="body"/> as a segment where the open tape asks for it (<see cref="Tape.Record"/>), and as it
    /// is otherwise. Both give the same bits, forward and backward.
    /// </summary>
    /// <param name="inputs">The tensors the body computes with, weights excepted; null where one is absent.</param>
    /// <param name="body">
    /// Computes the result from the inputs it is handed. It is called again in backward, when tensors of its
    /// surroundings may be gone: it must use only its inputs and weights, and give the same result.
    /// </param>
    /// <returns>The result of the body, in the caller's scope.</returns>
    public static Tensor Run(Tensor?[] inputs, Func<Tensor?[], Tensor> body)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(body);
        if (Tape.Current is not { Recomputes: true } tape)
        {
            return body(inputs);
        }

        Tensor result = tape.RunUnrecorded(() => body(inputs), out bool wanted);

        // One that has a gradient already is an input the body handed back.
        if (wanted && result.Variable is null)
        {
            tape.Add(new SegmentNode(tape, inputs, body), result);
        }

        return result;
    }

    private sealed class SegmentNode : BackwardNode
    {
        private readonly Tape _tape;
        private readonly Tensor?[] _inputs;
        private readonly Func<Tensor?[], Tensor> _body;

        public SegmentNode(Tape tape, Tensor?[] inputs, Func<Tensor?[], Tensor> body)
        {
            (_tape, _body) = (tape, body);
            _inputs = Array.ConvertAll(inputs, SaveOptional);
        }

        public override void Run(Tensor dy, Gradients gradients) =>
            _tape.RunAgain(() => _body(_inputs), dy, gradients);
    }
}
