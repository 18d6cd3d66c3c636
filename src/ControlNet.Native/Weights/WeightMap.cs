using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Messages;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Weights;

/// <summary>
/// The weights of one model as one of its modules sees them: addressed by the names diffusers gives them, relative to
/// a prefix, whatever layout the file has. Nothing is read before a weight is taken, so loading a model needs the
/// memory of what it keeps and of the largest weight. What is taken belongs to the taker, not to a scope.
/// </summary>
public sealed class WeightMap
{
    private readonly ComponentWeights _weights;
    private readonly string _prefix;

    internal WeightMap(ComponentWeights weights, Device device, DType? storage, WeightGrowth growth = WeightGrowth.None)
        : this(weights, device, storage, growth, string.Empty, imageSize: null, WeightUse.Inference, DType.F32)
    {
        if (storage == DType.I32)
        {
            throw new ArgumentException("weights are stored as F32, F16 or BF16, not as I32", nameof(storage));
        }
    }

    private WeightMap(
        ComponentWeights weights, Device device, DType? storage, WeightGrowth growth, string prefix, int? imageSize,
        WeightUse use, DType activations)
    {
        _weights = weights;
        _prefix = prefix;
        Device = device;
        Storage = storage;
        Growth = growth;
        ImageSize = imageSize;
        Use = use;
        Activations = activations;
    }

    /// <summary>Where the weights go.</summary>
    public Device Device { get; }

    /// <summary>How packed and stored weights are kept; null keeps the type they have in the file.</summary>
    public DType? Storage { get; }

    /// <summary>How much the weights of convolutions may grow to be faster.</summary>
    public WeightGrowth Growth { get; }

    /// <summary>
    /// Edge in pixels of the images that convolutions below are expected to read, by which they choose how to keep
    /// their weights; null when nothing is known.
    /// </summary>
    public int? ImageSize { get; }

    /// <summary>What the layers below are going to do with their weights.</summary>
    public WeightUse Use { get; }

    /// <summary>How the layers below store what they compute: F32 or F16.</summary>
    public DType Activations { get; }

    /// <summary>
    /// The weights taken so far to be trained, by whatever part of this map, under their full names in the order they
    /// were taken.
    /// </summary>
    public IReadOnlyList<Parameter> Parameters => _weights.Parameters;

    /// <summary>
    /// The prefix without its last dot, for example <c>down_blocks.0.resnets.1</c>; empty at the root.
    /// </summary>
    public string Path => _prefix.TrimEnd('.');

    /// <summary>The part of the model under <paramref name="name"/>, as a child module sees it.</summary>
    public WeightMap In(string name) =>
        new(_weights, Device, Storage, Growth, $"{_prefix}{name}.", ImageSize, Use, Activations);

    /// <summary>
    /// The same weights, for modules that usually read images of <paramref name="imageSize"/> pixels.
    /// </summary>
    public WeightMap At(int imageSize) =>
        new(_weights, Device, Storage, Growth, _prefix, imageSize, Use, Activations);

    /// <summary>The same weights for modules that use them so.</summary>
    public WeightMap For(WeightUse use) =>
        new(_weights, Device, Storage, Growth, _prefix, ImageSize, use, Activations);

    /// <summary>
    /// The same weights for modules that store what they compute so. With F16 the weights of convolutions and linear
    /// layers are kept in F16 as well, whatever the file has.
    /// </summary>
    /// <param name="activations">F32, or F16 on a GPU.</param>
    /// <exception cref="DeviceException">The device does not compute with such activations.</exception>
    /// <exception cref="CheckpointException"><see cref="Storage"/> asks for other weights.</exception>
    public WeightMap WithActivations(DType activations)
    {
        Device.RequireActivations(activations);
        return activations == DType.F16 && Storage is { } storage && storage != DType.F16
            ? throw new CheckpointException(
                $"WeightStorage is {storage.Name()}, but F16 activations are multiplied with F16 weights; leave it " +
                "out, or choose F32 activations")
            : new WeightMap(_weights, Device, Storage, Growth, _prefix, ImageSize, Use, activations);
    }

    /// <summary>
    /// The same weights for a device that only plans: nothing is read, so the checkpoint may be closed by now.
    /// </summary>
    internal WeightMap OnPlanner(Device planner) =>
        new(_weights, planner, Storage, Growth, _prefix, ImageSize, Use, Activations);

    /// <summary>Whether there is a weight of that name.</summary>
    public bool Has(string name) => _weights.Slots.ContainsKey(_prefix + name);

    /// <summary>Whether there is any weight whose name begins so, for example <c>attentions.0.</c>.</summary>
    public bool HasAny(string prefix)
    {
        string whole = _prefix + prefix;
        return _weights.Slots.Keys.Any(key => key.StartsWith(whole, StringComparison.Ordinal));
    }

    /// <summary>The shape of a weight in the file.</summary>
    /// <exception cref="CheckpointException">There is none of that name.</exception>
    public int[] ExtentsOf(string name) =>
        [.. (_weights.Slots.GetValueOrDefault(_prefix + name) ?? throw Missing(name, "of any shape"))
            .Extents.Select(extent => checked((int)extent))];

    /// <summary>Takes a weight widened to F32: biases, the weights of norms, what training changes.</summary>
    /// <param name="name">Its name below the prefix, for example <c>bias</c>.</param>
    /// <param name="expected">The shape the module was built for.</param>
    /// <exception cref="CheckpointException">
    /// It is missing, has another shape, or is stored in a type no weight has.
    /// </exception>
    /// <exception cref="SafeTensorsException">The file cannot be read (any more).</exception>
    public Tensor Take(string name, Shape expected) => Trained(name, Take(name, expected, DType.F32, s_exactly));

    /// <summary>
    /// Takes a weight in the type of the file, or of <see cref="Storage"/>: tables that rows are looked up in.
    /// </summary>
    /// <param name="name">Its name below the prefix.</param>
    /// <param name="expected">The shape the module was built for.</param>
    /// <exception cref="CheckpointException">
    /// It is missing, has another shape, or is stored in a type no weight has.
    /// </exception>
    /// <exception cref="SafeTensorsException">The file cannot be read (any more).</exception>
    public Tensor TakeStored(string name, Shape expected) =>
        Use == WeightUse.Trained ? Take(name, expected) : Take(name, expected, Storage, s_exactly);

    /// <summary>
    /// Takes the weight of a linear layer or convolution as it is, for layers that gradients pass: F32 when trained,
    /// else in the type of the file, or of <see cref="Storage"/>.
    /// </summary>
    /// <param name="name">Its name below the prefix, usually <c>weight</c>.</param>
    /// <param name="expected">
    /// <c>[Out, In]</c> or <c>[Out, In, K, K]</c>; in the file a trailing 1 x 1 is optional.
    /// </param>
    /// <exception cref="CheckpointException">
    /// It is missing, has another shape, or is stored in a type no weight has.
    /// </exception>
    /// <exception cref="SafeTensorsException">The file cannot be read (any more).</exception>
    public Tensor TakeUnpacked(string name, Shape expected) =>
        Trained(name, Take(name, expected, Use == WeightUse.Trained ? DType.F32 : Storage, s_orPointwise));

    /// <summary>
    /// Takes the weight of a linear layer, packed. A 1x1 convolution <c>[Out, In, 1, 1]</c> in the file will do.
    /// </summary>
    /// <param name="name">Its name below the prefix, usually <c>weight</c>.</param>
    /// <param name="outFeatures">Rows.</param>
    /// <param name="inFeatures">Columns.</param>
    /// <exception cref="CheckpointException">
    /// It is missing, has another shape, or is stored in a type no weight has.
    /// </exception>
    /// <exception cref="SafeTensorsException">The file cannot be read (any more).</exception>
    public PackedWeight TakeLinear(string name, int outFeatures, int inFeatures)
    {
        Tensor weight = Take(name, new Shape(outFeatures, inFeatures), null, s_orPointwise);
        return Packed(weight, PackedType(weight), Ops.PackLinear);
    }

    /// <summary>
    /// Takes the weight of a convolution, packed. For a 1x1 kernel a matrix <c>[Out, In]</c> in the file will do.
    /// </summary>
    /// <param name="name">Its name below the prefix, usually <c>weight</c>.</param>
    /// <param name="outChannels">Channels it writes.</param>
    /// <param name="inChannels">Channels it reads.</param>
    /// <param name="kernel">Edge of the kernel in pixels.</param>
    /// <param name="stride">Step it is used with.</param>
    /// <param name="padding">Zeros around the image it is used with.</param>
    /// <exception cref="CheckpointException">
    /// It is missing, has another shape, or is stored in a type no weight has.
    /// </exception>
    /// <exception cref="SafeTensorsException">The file cannot be read (any more).</exception>
    public PackedWeight TakeConv2d(
        string name, int outChannels, int inChannels, int kernel, int stride = 1, Padding padding = default)
    {
        Tensor weight = Take(name, new Shape(outChannels, inChannels, kernel, kernel), null, s_orPointwise);
        Conv2dUse? use = ImageSize is { } size ? new Conv2dUse(size, size, stride, padding, Growth) : null;
        return Packed(weight, PackedType(weight), (tensor, type) => Ops.PackConv2d(tensor, type, use));
    }

    private static readonly Func<IReadOnlyList<long>, Shape, bool> s_exactly =
        static (extents, shape) => extents.SequenceEqual(Extents(shape));

    // A linear layer and a 1x1 convolution have the same elements in the same order.
    private static readonly Func<IReadOnlyList<long>, Shape, bool> s_orPointwise =
        static (extents, shape) => WithoutKernel(extents).SequenceEqual(WithoutKernel([.. Extents(shape)]));

    private static IEnumerable<long> Extents(Shape shape) =>
        Enumerable.Range(0, shape.Rank).Select(axis => (long)shape[axis]);

    private static IEnumerable<long> WithoutKernel(IReadOnlyList<long> extents) =>
        extents.Count == 4 && extents[2] == 1 && extents[3] == 1 ? extents.Take(2) : extents;

    private DType PackedType(Tensor weight) => Activations == DType.F16 ? DType.F16 : Storage ?? weight.DType;

    private static PackedWeight Packed(Tensor weight, DType storage, Func<Tensor, DType, PackedWeight> pack)
    {
        using (weight)
        {
            return pack(weight, storage);
        }
    }

    /// <summary>Notes a weight that is trained, and asks for its gradient.</summary>
    private Tensor Trained(string name, Tensor weight)
    {
        if (Use == WeightUse.Trained)
        {
            _weights.AddParameter(_prefix + name, weight.RequireGradient());
        }

        return weight;
    }

    private Tensor Take(string name, Shape expected, DType? type, Func<IReadOnlyList<long>, Shape, bool> fits)
    {
        WeightSlot slot = _weights.Find(_prefix + name, expected) ?? throw Missing(name, expected.ToString());
        if (!fits(slot.Extents, expected))
        {
            throw new CheckpointException(
                $"{MessageText.Name(_weights.Source)}: weight '{_prefix}{name}'{StoredAs(slot, name)} is " +
                $"{slot.ExtentsText}, the model needs {expected}; the file is of another architecture than its " +
                "configuration says");
        }

        Tensor tensor = WeightReader.Read(Device, slot, expected, type);
        try
        {
            if (Device.HoldsData)
            {
                _weights.MarkTaken(_prefix + name);
            }

            return tensor;
        }
        catch
        {
            // Whoever watches the load may end it by throwing.
            tensor.Dispose();
            throw;
        }
    }

    private CheckpointException Missing(string name, string shape) =>
        new($"{MessageText.Name(_weights.Source)}: has no weight '{_prefix}{name}' {shape}, which the model " +
            "needs; the file is incomplete or of another architecture than its configuration says");

    private string StoredAs(WeightSlot slot, string name) =>
        slot.Entry.Name == _prefix + name ? string.Empty : $" (in the file '{MessageText.Name(slot.Entry.Name)}')";
}
