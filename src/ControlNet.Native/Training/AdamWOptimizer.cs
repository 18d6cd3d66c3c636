using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Training;

/// <summary>
/// AdamW over the weights of a run, with the moving average of the weights beside it where one is wanted. Moments and
/// averages are F32 and belong to the optimiser; the weights are changed in place.
/// </summary>
internal sealed class AdamWOptimizer : IDisposable
{
    private const string Weights = "weights", Means = "means", Squares = "squares", Averages = "averages";

    private readonly List<Slot> _slots = [];
    private readonly Dictionary<Tensor, Slot> _byTensor = new(ReferenceEqualityComparer.Instance);
    private readonly double _emaDecay;

    /// <param name="groups">What is trained.</param>
    /// <param name="emaDecay">How much of itself the average of the weights keeps each step; 0 for no average.</param>
    public AdamWOptimizer(IReadOnlyList<ParameterGroup> groups, double emaDecay)
    {
        _emaDecay = emaDecay;
        foreach (ParameterGroup group in groups)
        {
            foreach (Parameter parameter in group.Parameters)
            {
                Tensor value = parameter.Value;
                Slot slot = new(
                    $"{group.Name}/{parameter.Name}", group.RateFactor, value, Zeros(value), Zeros(value),
                    emaDecay > 0 ? Ops.Scale(value, 1f).Detach() : null);
                _slots.Add(slot);
                _byTensor.Add(value, slot);
            }
        }
    }

    /// <summary>Number of weights that are trained.</summary>
    public long ParameterCount => _slots.Sum(slot => slot.Value.Shape.Count);

    /// <summary>Whether every weight is a number.</summary>
    public bool IsFinite => _slots.TrueForAll(slot => double.IsFinite(SquaredNorm(slot.Value)));

    /// <summary>The length of the gradient of everything that is trained.</summary>
    public double Norm(Gradients gradients)
    {
        double squares = 0;
        foreach (Slot slot in _slots)
        {
            if (gradients.TryGet(slot.Value, out Tensor? gradient))
            {
                squares += SquaredNorm(gradient);
            }
        }

        return Math.Sqrt(squares);
    }

    /// <summary>Takes a step with every weight that has a gradient.</summary>
    /// <param name="gradients">Summed over the batches of the step.</param>
    /// <param name="step">Number of the step, from 1.</param>
    /// <param name="settings">
    /// Learning rate before the factors of the groups; the gradient scale divides by the batches and clips.
    /// </param>
    public void Step(Gradients gradients, long step, in AdamWSettings settings)
    {
        foreach (Slot slot in _slots)
        {
            if (gradients.TryGet(slot.Value, out Tensor? gradient))
            {
                Step(slot, gradient, step, settings);
            }
        }
    }

    /// <summary>Takes a step with one weight.</summary>
    public void Step(Tensor value, Tensor gradient, long step, in AdamWSettings settings) =>
        Step(_byTensor[value], gradient, step, settings);

    /// <summary>
    /// Puts the moving averages in the place of the weights, where there are any, until the result is disposed: models
    /// then are what will be exported. No step may be taken meanwhile.
    /// </summary>
    public IDisposable UseAverages() => new AveragesInUse(this);

    /// <summary>Adds weights, moments and averages to what a checkpoint stores.</summary>
    public void Save(TrainingState state)
    {
        AddGroup(state, Weights, slot => slot.Value);
        AddGroup(state, Means, slot => slot.Mean);
        AddGroup(state, Squares, slot => slot.Square);
        if (_emaDecay > 0)
        {
            AddGroup(state, Averages, slot => slot.Average!);
        }
    }

    /// <summary>Takes weights, moments and averages from a checkpoint.</summary>
    /// <exception cref="TrainingStateException">The checkpoint holds other weights.</exception>
    public void Load(Device device, TrainingCheckpoint checkpoint)
    {
        foreach (Slot slot in _slots)
        {
            using TensorScope scope = TensorScope.Enter();
            slot.Value.CopyFrom(Stored(Weights, slot));
            slot.Mean.CopyFrom(Stored(Means, slot));
            slot.Square.CopyFrom(Stored(Squares, slot));
            slot.Average?.CopyFrom(Stored(Averages, slot));
        }

        Tensor Stored(string group, Slot slot) => checkpoint.Load(device, group, slot.Name, slot.Value.Shape);
    }

    /// <summary>Frees moments and averages; the weights belong to their models.</summary>
    public void Dispose()
    {
        foreach (Slot slot in _slots)
        {
            slot.Mean.Dispose();
            slot.Square.Dispose();
            slot.Average?.Dispose();
        }
    }

    /// <summary>The square of a tensor's length.</summary>
    public static double SquaredNorm(Tensor tensor)
    {
        using Tensor norm = Ops.Norm(tensor).Detach();
        double value = norm.ToArray()[0];
        return value * value;
    }

    private static Tensor Zeros(Tensor like) => Ops.Scale(like, 0f).Detach();

    private void Step(Slot slot, Tensor gradient, long step, in AdamWSettings settings)
    {
        AdamWSettings own = settings with { LearningRate = settings.LearningRate * slot.RateFactor };
        Ops.AdamW(slot.Value, gradient, slot.Mean, slot.Square, step, own);
        if (slot.Average is not null)
        {
            Ops.MovingAverage(slot.Average, slot.Value, _emaDecay);
        }
    }

    private void AddGroup(TrainingState state, string name, Func<Slot, Tensor> tensorOf)
    {
        StateGroup group = state.AddGroup(name);
        foreach (Slot slot in _slots)
        {
            group.Add(slot.Name, tensorOf(slot));
        }
    }

    private void SwapAverages()
    {
        foreach (Slot slot in _slots)
        {
            if (slot.Average is { } average)
            {
                using Tensor kept = Ops.Scale(slot.Value, 1f).Detach();
                slot.Value.CopyFrom(average);
                average.CopyFrom(kept);
            }
        }
    }

    private sealed class AveragesInUse : IDisposable
    {
        private readonly AdamWOptimizer _owner;

        public AveragesInUse(AdamWOptimizer owner)
        {
            _owner = owner;
            owner.SwapAverages();
        }

        public void Dispose() => _owner.SwapAverages();
    }

    private sealed record Slot(
        string Name, double RateFactor, Tensor Value, Tensor Mean, Tensor Square, Tensor? Average);
}
