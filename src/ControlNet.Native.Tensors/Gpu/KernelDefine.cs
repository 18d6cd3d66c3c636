namespace ControlNet.Native.Tensors.Gpu;

/// <summary>A number a kernel is built with, as <c>-D NAME=VALUE</c> gives it to a compiler.</summary>
internal readonly record struct KernelDefine(string Name, int Value);
