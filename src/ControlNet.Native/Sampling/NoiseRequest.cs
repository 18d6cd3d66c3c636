using ControlNet.Native.Tensors;

namespace ControlNet.Native.Sampling;

/// <summary>
/// Makes one tensor of independent unit normal numbers in the shape and on the device of the sample. A stochastic step
/// calls it exactly once, in the order of the steps, so that one seeded stream gives the reference's noise. A tensor
/// made inside the call belongs to the step; one made before stays its maker's.
/// </summary>
/// <returns>Unit normal noise, the shape of the sample.</returns>
public delegate Tensor NoiseRequest();
