using System;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>A kernel as it is built. Equal variants are built once for a device.</summary>
/// <param name="File">The file under <c>kernels/</c>, without extension.</param>
/// <param name="Entry">The kernel's name in that file.</param>
/// <param name="Block">Threads of a block, as the <c>KERNEL</c> line has them.</param>
/// <param name="Defines">What the file is compiled with, written <c>TILE=64 WEIGHT=1</c>; empty for nothing.</param>
internal sealed record KernelVariant(string File, string Entry, GridSize Block, string Defines)
{
    /// <summary>The variant with its defines given one by one.</summary>
    public KernelVariant(string file, string entry, GridSize block, params ReadOnlySpan<KernelDefine> defines)
        : this(file, entry, block, Join(defines))
    {
    }

    /// <summary>Bytes of a block's memory that a launch gives, beside the arrays of the kernel.</summary>
    public int DynamicBytes { get; init; }

    /// <summary>What is compiled as one: a file and its defines, whatever the entry.</summary>
    public string Module => Defines.Length == 0 ? File : $"{File} {Defines}";

    /// <summary>Writes entry and module, as messages name a kernel.</summary>
    public override string ToString() => $"{Entry} ({Module})";

    private static string Join(ReadOnlySpan<KernelDefine> defines)
    {
        string text = "";
        foreach (KernelDefine define in defines)
        {
            text = $"{text}{(text.Length == 0 ? "" : " ")}{define.Name}={define.Value}";
        }

        return text;
    }
}
