namespace ControlNet.Native.Tensors;

/// <summary>A device that was found, or a kind of device that was not.</summary>
/// <param name="Name">Name to open it by, for example <c>opencl:0</c>; of a kind that has none, <c>opencl</c>.</param>
/// <param name="Description">What it is, in words; empty for a kind that has none.</param>
/// <param name="MemoryBytes">Memory it computes in, in bytes; 0 when that is not known.</param>
/// <param name="Driver">Its driver and version; empty for the CPU.</param>
/// <param name="IsGpu">Whether it is a GPU: a processor behind an OpenCL driver is none.</param>
/// <param name="Missing">What is missing and why it cannot be opened; null when it can.</param>
public sealed record DeviceInfo(
    string Name, string Description, long MemoryBytes, string Driver, bool IsGpu, string? Missing);
