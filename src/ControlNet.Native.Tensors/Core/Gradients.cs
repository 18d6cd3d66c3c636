using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors;

/// <summary>
/// The gradients of the tensors that asked for one with <see cref="Tensor.RequireGradient"/>, as
/// <see cref="Tape.Backward(Tensor, Gradients?, Action{Tensor, Tensor}?)"/> leaves them. Hand the same object to
/// several tapes and they add up. Its tensors are freed with it.
/// </summary>
public sealed class Gradients : IDisposable
{
    private readonly Dictionary<Variable, Tensor> _byVariable = [];

    /// <summary>How many tensors have a gradient here.</summary>
    public int Count => _byVariable.Count;

    /// <summary>The gradient of <paramref name="leaf"/>, F32 of its shape. Belongs to this object.</summary>
    /// <exception cref="KeyNotFoundException">Nothing recorded led from the loss to it.</exception>
    public Tensor this[Tensor leaf] => TryGet(leaf, out Tensor? gradient)
        ? gradient
        : throw new KeyNotFoundException(
            $"the tensor {leaf.Shape} has no gradient: it did not take part in the loss, or does not require one");

    /// <summary>The gradient of <paramref name="leaf"/>, where there is one.</summary>
    public bool TryGet(Tensor leaf, [NotNullWhen(true)] out Tensor? gradient)
    {
        ArgumentNullException.ThrowIfNull(leaf);
        gradient = null;
        return leaf.Variable is { } variable && _byVariable.TryGetValue(variable, out gradient);
    }

    /// <summary>Frees the gradient of one tensor, which then has none.</summary>
    public void Free(Tensor leaf)
    {
        ArgumentNullException.ThrowIfNull(leaf);
        if (leaf.Variable is { } variable)
        {
            Take(variable)?.Dispose();
        }
    }

    /// <summary>Frees all gradients; the object is then as new.</summary>
    public void Clear()
    {
        foreach (Tensor gradient in _byVariable.Values)
        {
            gradient.Dispose();
        }

        _byVariable.Clear();
    }

    /// <summary>Frees all gradients. Disposing twice is allowed.</summary>
    public void Dispose() => Clear();

    /// <summary>The sum so far, to be read only; null when nothing came yet.</summary>
    internal Tensor? SumSoFar(Variable variable) => _byVariable.GetValueOrDefault(variable);

    /// <summary>Takes the sum out; it is the caller's to free.</summary>
    internal Tensor? Take(Variable variable) => _byVariable.Remove(variable, out Tensor? sum) ? sum : null;

    /// <summary>Frees the gradients of results, of which only an interrupted backward leaves any.</summary>
    internal void FreeResults()
    {
        foreach (Variable variable in _byVariable.Keys)
        {
            if (variable.Leaf is null)
            {
                Take(variable)?.Dispose();
            }
        }
    }

    /// <summary>Replaces the sum by one that already contains it.</summary>
    internal void Replace(Variable variable, Tensor sum)
    {
        Take(variable)?.Dispose();
        _byVariable[variable] = sum.Share(variable.Shape);
    }

    /// <summary>
    /// Takes one more contribution: a tensor used twice has two. The tensor may be shared; it is never changed.
    /// </summary>
    /// <param name="variable">What it is a gradient of; null for an input that wants none.</param>
    /// <param name="contribution">As many elements as the variable has.</param>
    internal void Add(Variable? variable, Tensor contribution)
    {
        if (variable is null)
        {
            return;
        }

        if (!_byVariable.TryGetValue(variable, out Tensor? sum))
        {
            _byVariable[variable] = contribution.Share(variable.Shape);
            return;
        }

        Tensor total = new Tensor(sum.Backend, variable.Shape).Detach();
        sum.Backend.Pointwise.LinearCombination([1f, 1f], [sum.View, contribution.View], total.View);
        sum.Dispose();
        _byVariable[variable] = total;
    }

    /// <summary>
    /// The tensor a kernel adds a weight's gradient to, and whether there is something in it to add to.
    /// </summary>
    internal Tensor Accumulator(Variable variable, Backend backend, out bool accumulate)
    {
        accumulate = _byVariable.TryGetValue(variable, out Tensor? sum);
        if (accumulate && sum!.IsShared)
        {
            Tensor own = new Tensor(backend, variable.Shape).Detach();
            backend.Pointwise.LinearCombination([1f], [sum.View], own.View);
            sum.Dispose();
            _byVariable[variable] = sum = own;
        }

        return sum ?? (_byVariable[variable] = new Tensor(backend, variable.Shape).Detach());
    }
}
