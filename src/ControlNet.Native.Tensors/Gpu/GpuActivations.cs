using System;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>Kernels that come once for each type activations are stored in: <c>ACT</c> of the prelude.</summary>
internal static class GpuActivations
{
    private const string Halves = "ACT=1";

    /// <summary>A kernel of F32, and the same of F16.</summary>
    public static KernelVariant[] Variants(KernelVariant kernel) =>
        [kernel, kernel with { Defines = kernel.Defines.Length == 0 ? Halves : $"{Halves} {kernel.Defines}" }];

    /// <summary>The variant for tensors of a type.</summary>
    public static KernelVariant For(this KernelVariant[] variants, DType type) => variants[IsHalf(type) ? 1 : 0];

    /// <summary>Whether activations are F16, else F32.</summary>
    public static bool IsHalf(DType type) => type switch
    {
        DType.F32 => false,
        DType.F16 => true,
        _ => throw new InvalidOperationException($"activations are F32 or F16, the buffer holds {type.Name()}"),
    };
}
