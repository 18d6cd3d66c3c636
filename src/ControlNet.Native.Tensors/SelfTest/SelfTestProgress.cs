namespace ControlNet.Native.Tensors;

/// <summary>How far a self-test is. See <see cref="Devices.SelfTest"/>.</summary>
/// <param name="Operation">What is computed next, in words.</param>
/// <param name="Completed">Operations that were computed.</param>
/// <param name="Total">Operations of the test.</param>
public readonly record struct SelfTestProgress(string Operation, int Completed, int Total);
