using System;
using System.Collections.Generic;
using System.Text.Json.Nodes;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Bench.Table;

/// <summary>A call that makes one tensor from inputs and weights it holds.</summary>
/// <param name="held">Inputs, weights and models; freed with the call, the last first.</param>
/// <param name="run">Makes the result, which belongs to the scope around it.</param>
internal sealed class TensorCall(IReadOnlyList<IDisposable> held, Func<Tensor> run) : TimedCall
{
    /// <inheritdoc/>
    public override void Run()
    {
        using TensorScope scope = TensorScope.Enter();
        run();
    }

    /// <inheritdoc/>
    public override JsonObject First()
    {
        using TensorScope scope = TensorScope.Enter();
        float[] y = run().ToArray();
        double sum = 0;
        foreach (float value in y)
        {
            sum += (double)value * value;
        }

        return new JsonObject { ["rms"] = Math.Sqrt(sum / y.Length) };
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        for (int i = held.Count - 1; i >= 0; i--)
        {
            held[i].Dispose();
        }
    }
}
