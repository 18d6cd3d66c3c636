using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Nn;

/// <summary>
/// A part of a network that owns weights. Children register themselves in their constructor, so walking and freeing
/// need no reflection.
/// </summary>
public abstract class Module : IDisposable
{
    private readonly List<Module> _children = [];
    private readonly List<Tensor> _tensors = [];
    private readonly List<PackedWeight> _packed = [];

    private protected Module(WeightMap weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        Path = weights.Path;
        Weights = weights;
    }

    /// <summary>
    /// Name of the module inside its model, for example <c>mid_block.resnets.0</c>; empty for the model itself.
    /// </summary>
    public string Path { get; }

    /// <summary>Where the weights were taken from, to build the module again on a device that plans.</summary>
    private protected WeightMap Weights { get; }

    /// <summary>Number of weights, those of parts included: 859,520,964 for the UNet of Stable Diffusion 1.5.</summary>
    public long ParameterCount => Sum(static tensor => tensor.Shape.Count, static packed => packed.Shape.Count);

    /// <summary>
    /// Bytes the weights occupy on their device, those of parts, the padding of packed ones and the LoRA applied to
    /// them included.
    /// </summary>
    public long ParameterBytes =>
        Sum(static tensor => tensor.Bytes, static packed => packed.Bytes, static module => module.AdapterBytes);

    /// <summary>Bytes of what was added to this module's own weights after it was loaded.</summary>
    private protected virtual long AdapterBytes => 0;

    /// <summary>Frees the weights of this module and its parts. Disposing twice is allowed.</summary>
    public void Dispose()
    {
        foreach (Module child in _children)
        {
            child.Dispose();
        }

        foreach (Tensor tensor in _tensors)
        {
            tensor.Dispose();
        }

        foreach (PackedWeight packed in _packed)
        {
            packed.Dispose();
        }

        DisposeAdapters();
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what was added to this module's own weights after it was loaded.</summary>
    private protected virtual void DisposeAdapters()
    {
    }

    /// <summary>This module and all its parts.</summary>
    internal IEnumerable<Module> SelfAndParts()
    {
        yield return this;
        foreach (Module part in _children.SelectMany(static child => child.SelfAndParts()))
        {
            yield return part;
        }
    }

    /// <summary>Makes <paramref name="child"/> part of this module.</summary>
    private protected T Own<T>(T child) where T : Module
    {
        _children.Add(child);
        return child;
    }

    /// <summary>Makes <paramref name="weight"/> part of this module, out of any scope it was made in.</summary>
    private protected Tensor Own(Tensor weight)
    {
        LoadGuard.Note(weight.Detach());
        _tensors.Add(weight);
        return weight;
    }

    /// <summary>Makes <paramref name="weight"/> part of this module.</summary>
    private protected PackedWeight Own(PackedWeight weight)
    {
        LoadGuard.Note(weight);
        _packed.Add(weight);
        return weight;
    }

    /// <summary>Tells a <see cref="ModuleTrace"/> what this module computed.</summary>
    /// <returns>The same tensor.</returns>
    private protected Tensor Report(Tensor output)
    {
        ModuleTrace.Report(Path, output);
        return output;
    }

    private long Sum(
        Func<Tensor, long> ofTensor, Func<PackedWeight, long> ofPacked, Func<Module, long>? ofModule = null)
    {
        long sum = ofModule?.Invoke(this) ?? 0;
        foreach (Module child in _children)
        {
            sum += child.Sum(ofTensor, ofPacked, ofModule);
        }

        foreach (Tensor tensor in _tensors)
        {
            sum += ofTensor(tensor);
        }

        foreach (PackedWeight packed in _packed)
        {
            sum += ofPacked(packed);
        }

        return sum;
    }
}
