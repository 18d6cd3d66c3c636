using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Nn;

/// <summary>A table of rows that are looked up by number; kept in the type the checkpoint stores.</summary>
internal sealed class Embedding : Module
{
    private readonly Tensor _table;

    /// <summary>Takes <c>weight</c> <c>[rows, width]</c>.</summary>
    public Embedding(WeightMap weights, int rows, int width)
        : base(weights) => _table = Own(weights.TakeStored("weight", new Shape(rows, width)));

    /// <param name="ids">Row numbers, I32 <c>[N, T]</c>.</param>
    /// <returns>F32 <c>[N, T, width]</c></returns>
    public Tensor Forward(Tensor ids) => Report(Ops.GatherRows(_table, ids));
}
