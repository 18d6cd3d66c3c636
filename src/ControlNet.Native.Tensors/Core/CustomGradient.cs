using System;

namespace ControlNet.Native.Tensors;

/// <summary>
/// A gradient of one's own, for a result that was computed in a way the tape does not see: on the host, or by several
/// operations whose joint gradient is simpler than theirs one by one.
/// </summary>
public static class CustomGradient
{
    /// <summary>Computes the gradients of the inputs from that of the result.</summary>
    /// <param name="dy">The gradient of the result; to be left unchanged.</param>
    /// <returns>
    /// One for each input, of its shape; null where the input's is zero. Those of inputs nobody wants may be null, too.
    /// </returns>
    public delegate Tensor?[] Backward(Tensor dy);

    /// <summary>
    /// Records <paramref name="result"/> as made from <paramref name="inputs"/>, where a tape is open and wants it.
    /// </summary>
    /// <param name="result">A tensor that nothing was recorded of yet; compute it where no gradient is wanted.</param>
    /// <param name="inputs">What it was made from.</param>
    /// <param name="backward">The gradient. What it uses must live until the tape was run.</param>
    /// <returns>The result.</returns>
    /// <exception cref="TapeException">The result has a gradient already.</exception>
    public static Tensor Attach(Tensor result, Tensor[] inputs, Backward backward)
    {
        ArgumentNullException.ThrowIfNull(result);
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(backward);
        if (result.Variable is not null)
        {
            throw new TapeException(
                $"CustomGradient.Attach: {result.Shape} has a gradient already; compute it from copies on the host");
        }

        Tape.For(inputs)?.Add(new CustomNode(inputs, backward), result);
        return result;
    }

    private sealed class CustomNode(Tensor[] inputs, Backward backward) : BackwardNode
    {
        private readonly Variable?[] _of = Array.ConvertAll(inputs, input => input.Variable);
        private readonly Shape[] _shapes = Array.ConvertAll(inputs, input => input.Shape);

        public override void Run(Tensor dy, Gradients gradients)
        {
            Tensor?[] found = backward(dy);
            if (found.Length != _of.Length)
            {
                throw new TapeException(
                    $"CustomGradient: {_of.Length} inputs need as many gradients, got {found.Length}; return null " +
                    "for an input without one");
            }

            for (int i = 0; i < found.Length; i++)
            {
                if (found[i] is { } gradient && _of[i] is { } variable)
                {
                    gradients.Add(variable, gradient.Shape == _shapes[i]
                        ? gradient
                        : throw new ShapeException(
                            $"CustomGradient: the gradient of input {i} must be {_shapes[i]}, got {gradient.Shape}"));
                }
            }
        }
    }
}
