using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Nn;

/// <summary>
/// A layer whose weight LoRA may change. They are branches beside the weight, which stays packed as it is: they come
/// without reading it again, and when they go the layer computes to the last bit what it did before.
/// </summary>
internal abstract class AdaptableLayer : Module
{
    // In the order they were applied, which is the order of the sum.
    private readonly List<LowRankBranch> _branches = [];

    private protected AdaptableLayer(WeightMap weights)
        : base(weights)
    {
    }

    /// <summary>The shape of the weight: <c>[Out, In]</c> or <c>[Out, In, K, K]</c>.</summary>
    public abstract IReadOnlyList<long> Extents { get; }

    /// <inheritdoc/>
    private protected override long AdapterBytes => _branches.Sum(branch => branch.Bytes);

    /// <summary>Whether any branch acts.</summary>
    private protected bool IsAdapted => _branches.Exists(branch => branch.Factor != 0);

    /// <summary>Reads a change onto the device; it does not act yet.</summary>
    /// <param name="pair">Factors that fit <see cref="Extents"/>.</param>
    /// <returns>A branch that belongs to the caller.</returns>
    public LowRankBranch Load(LoraPair pair)
    {
        bool isConvolution = Extents.Count == 4;
        int kernel = isConvolution ? (int)Extents[2] : 1;
        Shape down = isConvolution
            ? new Shape(pair.Rank, (int)Extents[1], kernel, kernel)
            : new Shape(pair.Rank, (int)Extents[1]);
        Shape up = isConvolution ? new Shape((int)Extents[0], pair.Rank, 1, 1) : new Shape((int)Extents[0], pair.Rank);
        using Tensor downFactor = WeightReader.Read(Weights.Device, pair.Down, down, null);
        using Tensor upFactor = WeightReader.Read(Weights.Device, pair.Up, up, null);
        return Pack(downFactor, upFactor, Weights.Activations == DType.F16 ? DType.F16 : downFactor.DType);
    }

    /// <summary>Has a branch act from now on; it is freed with the layer.</summary>
    public void Attach(LowRankBranch branch) => _branches.Add(branch);

    /// <summary>Ends a branch and frees it.</summary>
    public void Detach(LowRankBranch branch)
    {
        _ = _branches.Remove(branch);
        branch.Dispose();
    }

    /// <summary>Packs two factors for the kind of layer this is.</summary>
    private protected abstract LowRankBranch Pack(Tensor down, Tensor up, DType storage);

    /// <summary>What the branches add to the result.</summary>
    /// <param name="x">The layer's input.</param>
    /// <param name="addTensor">A residual to begin with, or none.</param>
    /// <param name="result">How the result is stored.</param>
    /// <returns>A tensor of the caller's scope.</returns>
    private protected Tensor SumOfBranches(Tensor x, Tensor? addTensor, DType result)
    {
        Tensor? sum = null;
        foreach (LowRankBranch branch in _branches.Where(branch => branch.Factor != 0))
        {
            Tensor next = branch.Forward(x, sum ?? addTensor, result);
            sum?.Dispose();
            sum = next;
        }

        return sum!;
    }

    /// <inheritdoc/>
    private protected override void DisposeAdapters()
    {
        _branches.ForEach(branch => branch.Dispose());
        _branches.Clear();
    }
}
