using System;

namespace ControlNet.Native.Tensors;

/// <summary>
/// How an element is stored. Arithmetic is float32 whatever the storage; the 16-bit types are storage only.
/// </summary>
public enum DType
{
    /// <summary>IEEE 754 binary32; the type every op computes in.</summary>
    F32,

    /// <summary>IEEE 754 binary16, widened to float32 on the way into a kernel.</summary>
    F16,

    /// <summary>bfloat16: the upper half of a binary32, widened on the way into a kernel.</summary>
    BF16,

    /// <summary>Two's complement 32-bit integers; row indices only.</summary>
    I32,
}

/// <summary>Facts about storage types.</summary>
public static class DTypes
{
    /// <summary>Bytes of one element.</summary>
    public static int ElementBytes(this DType type) => type switch
    {
        DType.F32 or DType.I32 => 4,
        DType.F16 or DType.BF16 => 2,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "unknown storage type"),
    };

    /// <summary>The name as safetensors writes it, for example <c>BF16</c>.</summary>
    public static string Name(this DType type) => type switch
    {
        DType.F32 => "F32",
        DType.F16 => "F16",
        DType.BF16 => "BF16",
        DType.I32 => "I32",
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "unknown storage type"),
    };
}
