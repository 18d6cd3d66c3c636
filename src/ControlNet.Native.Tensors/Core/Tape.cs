using System;
using System.Collections.Generic;

namespace ControlNet.Native.Tensors;

/// <summary>
/// Records what operations do to tensors whose gradient is wanted, so that <see cref="Backward(Tensor, Gradients?,
/// Action{Tensor, Tensor}?)"/> can undo it. Operations on other tensors are not recorded, and without an open tape
/// nothing is: that is the whole difference between inference and training. A tape belongs to one thread and is run
/// backwards once.
/// </summary>
public sealed class Tape : IDisposable
{
    [ThreadStatic]
    private static Tape? s_current;

    private readonly List<BackwardNode> _nodes = [];
    private readonly Dictionary<Variable, int> _firstReaders = [];
    private readonly Tape? _outer;
    private bool _suspended;
    private bool _suspendedWant;
    private bool _spent;

    private Tape(Tape? outer, bool recomputes)
    {
        _outer = outer;
        Recomputes = recomputes;
    }

    /// <summary>
    /// Whether this thread has an open tape, also while a segment runs whose operations are not kept: caches must not
    /// hand out tensors that were computed unrecorded.
    /// </summary>
    public static bool IsOpen => s_current is not null;

    /// <summary>The tape that operations are recorded on now, or null.</summary>
    internal static Tape? Current => s_current is { _suspended: false, _spent: false } tape ? tape : null;

    /// <summary>Whether <see cref="Recompute"/> keeps the inputs of a segment only.</summary>
    internal bool Recomputes { get; }

    /// <summary>Starts recording on this thread; dispose the tape to stop.</summary>
    /// <param name="recompute">
    /// Keep only the inputs of each segment (<see cref="Recompute"/>) and compute what lies inside again in backward:
    /// less memory, about a third more time.
    /// </param>
    /// <exception cref="TapeException">This thread is recording already.</exception>
    public static Tape Record(bool recompute = false)
    {
        if (s_current is not null)
        {
            throw new TapeException("Tape.Record: this thread has an open tape; dispose it first, tapes do not nest");
        }

        return s_current = new Tape(null, recompute);
    }

    /// <summary>Runs the tape backwards from a loss, whose own gradient is 1.</summary>
    /// <param name="loss">One number that was computed under this tape, shape <c>[]</c> or <c>[1]</c>.</param>
    /// <param name="into">Gradients to add to; null begins new ones.</param>
    /// <param name="whenComplete">
    /// Told each leaf and its gradient as soon as nothing more will be added by this tape: an optimiser may take its
    /// step there and free the gradient (<see cref="Gradients.Free"/>), so that never all of them are alive.
    /// </param>
    /// <returns>The gradients, which belong to the caller.</returns>
    /// <exception cref="TapeException">
    /// The loss depends on nothing that wants a gradient, or was not recorded.
    /// </exception>
    public Gradients Backward(Tensor loss, Gradients? into = null, Action<Tensor, Tensor>? whenComplete = null)
    {
        ArgumentNullException.ThrowIfNull(loss);
        if (loss.Shape.Count != 1)
        {
            throw new TapeException(
                $"Tape.Backward: the loss must be one number, got {loss.Shape}; hand over the gradient of a larger " +
                "result as seed");
        }

        using Tensor one = Tensor.One(loss.Backend, loss.Shape).Detach();
        return Backward(loss, one, into, whenComplete);
    }

    /// <summary>Runs the tape backwards from a result whose gradient is known.</summary>
    /// <param name="output">A tensor computed under this tape.</param>
    /// <param name="seed">Its gradient, F32 of the same shape. Stays the caller's.</param>
    /// <param name="into">
    /// Gradients to add to; null begins new ones. When backward throws they hold what had been added by then.
    /// </param>
    /// <param name="whenComplete">As above.</param>
    /// <returns>The gradients, which belong to the caller.</returns>
    /// <exception cref="TapeException">
    /// The output depends on nothing that wants a gradient, was not recorded here, or the tape was run before or
    /// disposed.
    /// </exception>
    /// <exception cref="ShapeException">The seed has another shape.</exception>
    public Gradients Backward(
        Tensor output, Tensor seed, Gradients? into = null, Action<Tensor, Tensor>? whenComplete = null)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(seed);
        if (_spent)
        {
            throw new TapeException(
                "Tape.Backward: a tape is run backwards once, before it is disposed; record the computation again");
        }

        if (output.Variable is null)
        {
            throw new TapeException(
                $"Tape.Backward: {output.Shape} depends on nothing that wants a gradient, or was computed while no " +
                "tape was open; call RequireGradient on what is trained, before computing");
        }

        CheckOwner(output.Variable);
        if (seed.Shape != output.Shape)
        {
            throw new ShapeException(
                $"Tape.Backward: the seed must be {output.Shape} like the output, got {seed.Shape}");
        }

        _spent = true;
        Gradients gradients = into ?? new Gradients();
        try
        {
            gradients.Add(output.Variable, seed);
            Unwind(gradients, whenComplete);
            return gradients;
        }
        catch
        {
            gradients.FreeResults();
            if (into is null)
            {
                gradients.Dispose();
            }

            throw;
        }
    }

    /// <summary>Stops recording and frees what was kept. Disposing twice is allowed.</summary>
    public void Dispose()
    {
        _spent = true;
        for (int i = _nodes.Count - 1; i >= 0; i--)
        {
            _nodes[i].Release();
        }

        _nodes.Clear();
        _firstReaders.Clear();
        if (ReferenceEquals(s_current, this))
        {
            s_current = _outer;
        }
    }

    /// <summary>
    /// The tape to record an operation on: null when none is open or none of its inputs wants a gradient.
    /// </summary>
    /// <exception cref="TapeException">An input was recorded on another tape.</exception>
    internal static Tape? For(params ReadOnlySpan<Tensor?> inputs)
    {
        if (s_current is not { _spent: false } tape)
        {
            return null;
        }

        bool wanted = false;
        foreach (Tensor? input in inputs)
        {
            if (input?.Variable is { } variable)
            {
                tape.CheckOwner(variable);
                tape.NoteReader(variable);
                wanted = true;
            }
        }

        tape._suspendedWant |= wanted;
        return wanted && !tape._suspended ? tape : null;
    }

    /// <summary>Refuses an operation that has no gradient where one is wanted.</summary>
    /// <exception cref="TapeException">One is.</exception>
    internal static void Refuse(string op, string cure, params ReadOnlySpan<Tensor?> inputs)
    {
        if (s_current is not { _spent: false })
        {
            return;
        }

        foreach (Tensor? input in inputs)
        {
            if (input?.Variable is not null)
            {
                throw new TapeException($"{op}: has no gradient, but one of {input.Shape} is wanted; {cure}");
            }
        }
    }

    /// <summary>Records how <paramref name="result"/> came about, which from now on wants a gradient itself.</summary>
    internal void Add(BackwardNode node, Tensor result)
    {
        node.Output = result.Variable = Variable.OfResult(result, this);
        _nodes.Add(node);
    }

    /// <summary>
    /// Runs the forward of a segment without keeping what lies inside, and notes what it reads.
    /// </summary>
    /// <param name="segment">The forward.</param>
    /// <param name="wanted">Whether anything it read wants a gradient.</param>
    internal Tensor RunUnrecorded(Func<Tensor> segment, out bool wanted)
    {
        (_suspended, _suspendedWant) = (true, false);
        try
        {
            Tensor result = segment();
            wanted = _suspendedWant;
            return result;
        }
        finally
        {
            _suspended = false;
        }
    }

    /// <summary>Runs the forward of a segment again, recorded, and goes backwards through it.</summary>
    internal void RunAgain(Func<Tensor> segment, Tensor dy, Gradients gradients)
    {
        using Tape inner = new(this, recomputes: false);
        s_current = inner;
        Tensor result = segment();
        inner._spent = true;
        gradients.Add(result.Variable, dy);
        inner.Unwind(gradients, whenComplete: null);
    }

    private void Unwind(Gradients gradients, Action<Tensor, Tensor>? whenComplete)
    {
        Dictionary<int, List<Variable>> completedBy = whenComplete is null ? [] : LeavesByFirstReader();
        for (int i = _nodes.Count - 1; i >= 0; i--)
        {
            BackwardNode node = _nodes[i];
            using (TensorScope scope = TensorScope.Enter())
            {
                if (gradients.Take(node.Output) is { } dy)
                {
                    using (dy)
                    {
                        node.Run(dy, gradients);
                    }
                }
            }

            node.Release();
            _nodes.RemoveAt(i);
            if (completedBy.TryGetValue(i, out List<Variable>? leaves))
            {
                Complete(leaves, gradients, whenComplete!);
            }
        }
    }

    private static void Complete(List<Variable> leaves, Gradients gradients, Action<Tensor, Tensor> whenComplete)
    {
        foreach (Variable leaf in leaves)
        {
            if (gradients.SumSoFar(leaf) is { } gradient)
            {
                whenComplete(leaf.Leaf!, gradient);
            }
        }
    }

    private Dictionary<int, List<Variable>> LeavesByFirstReader()
    {
        Dictionary<int, List<Variable>> leaves = [];
        foreach ((Variable leaf, int node) in _firstReaders)
        {
            if (!leaves.TryGetValue(node, out List<Variable>? list))
            {
                leaves.Add(node, list = []);
            }

            list.Add(leaf);
        }

        return leaves;
    }

    /// <summary>The first node that reads a leaf is the last one backwards.</summary>
    private void NoteReader(Variable variable)
    {
        if (variable.Leaf is not null)
        {
            _firstReaders.TryAdd(variable, _nodes.Count);
        }
    }

    private void CheckOwner(Variable variable)
    {
        if (variable.Tape is null)
        {
            return;
        }

        for (Tape? tape = this; tape is not null; tape = tape._outer)
        {
            if (ReferenceEquals(tape, variable.Tape))
            {
                return;
            }
        }

        throw new TapeException(
            $"the tensor {variable.Shape} was recorded on another tape, which cannot carry its gradient here; " +
            "compute it again under this one");
    }
}
