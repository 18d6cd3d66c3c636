using ControlNet.Native.Tensors;

namespace ControlNet.Native.Weights;

/// <summary>A weight that is trained.</summary>
/// <param name="Name">Its name in the model, as diffusers gives it.</param>
/// <param name="Value">F32, in the layout of checkpoints; belongs to its module.</param>
public sealed record Parameter(string Name, Tensor Value);
