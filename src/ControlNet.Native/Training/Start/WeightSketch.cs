using System;
using System.Collections.Generic;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Training;

/// <summary>
/// The names and shapes of the weights a model takes, found out by building it where nothing is computed: so a model
/// that no checkpoint exists of yet is described by its own constructors and nothing else.
/// </summary>
internal sealed class WeightSketch : ComponentWeights
{
    private readonly List<(string Name, Shape Shape)> _taken = [];

    private WeightSketch() : base("new model", [])
    {
    }

    /// <summary>Builds a model and notes what it took, in that order.</summary>
    /// <param name="build">Constructs the model from a map.</param>
    public static IReadOnlyList<(string Name, Shape Shape)> Of(Func<WeightMap, Module> build)
    {
        using Device cpu = Devices.Cpu(1);
        using Device planner = cpu.ForPlanning();
        WeightSketch sketch = new();
        build(new WeightMap(sketch, planner, DType.F32)).Dispose();
        return sketch._taken;
    }

    /// <inheritdoc/>
    public override WeightSlot? Find(string name, Shape expected)
    {
        _taken.Add((name, expected));
        long[] extents = new long[expected.Rank];
        for (int axis = 0; axis < extents.Length; axis++)
        {
            extents[axis] = expected[axis];
        }

        // A device that only plans asks no file for elements.
        return new WeightSlot(null!, new SafeTensorsEntry(name, "F32", extents, 0, 4 * expected.Count));
    }
}
