using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

internal sealed partial class GpuConv2d
{
    private static readonly KernelVariant[] s_mma = MmaTiles.Variants("nv/conv2d_mma", "conv2d_mma");

    /// <summary>Kernels for tensor cores, the best first.</summary>
    private static readonly KernelTable<Operands> s_tensorCores = new(
        new KernelRow<Operands>(KernelKind.Wgmma, KernelKinds.WgmmaCompute, TakesWgmma, ChooseWgmma),
        new KernelRow<Operands>(KernelKind.Mma, KernelKinds.MmaCompute, Takes, ChooseMma));

    /// <summary>Launches a kernel for tensor cores if there is one for the call.</summary>
    private bool TryTensorCores(
        in Call c, int parts, int partDepth, Activation activation, BufferView x, BufferView packed, BufferView bias,
        BufferView addRow, BufferView addTensor, BufferView y)
    {
        if (s_tensorCores.Find(launcher, new Operands(c, parts, x, packed), out KernelKind kind) is not { } found)
        {
            return false;
        }

        if (kind == KernelKind.Wgmma)
        {
            LaunchWgmma(found, c, parts, activation, x, packed, bias, addRow, addTensor, y);
            return true;
        }

        int columns = c.Target.Channels, rows = Rows(c);
        launcher.Launch(
            found.Kernel, found.Grid, x, packed, bias, addRow, addTensor, y, rows, c.Lines.Count, c.Pixels.Count,
            columns, c.Source.Height, c.Source.Width, c.Source.Channels, c.Stride, c.Lines.First, c.Pixels.First,
            c.Kernel, partDepth, (long)rows * columns, (int)activation, GpuTiles.Halves(y));
        return true;
    }

    /// <summary>Halves, channels in eights, and every tap to every pixel, as forwards.</summary>
    private static bool Takes(Operands o) =>
        KernelPredicates.AreHalvesIn16Bytes(o.X) && KernelPredicates.AreHalvesIn16Bytes(o.Packed) &&
        MmaTiles.AreInPieces(o.Call.Source.Channels) && o.Call is { TapStep: 1, TargetStep: 1 } &&
        IsWhole(o.Call.Lines, o.Call.Kernel) && IsWhole(o.Call.Pixels, o.Call.Kernel);

    private static bool IsWhole(Axis axis, int kernel) => axis.Taps == kernel && axis is { Tap: 0, Target: 0 };

    private static KernelLaunch ChooseMma(Operands o, GpuLimits limits) =>
        MmaTiles.Choose(s_mma, Rows(o.Call), o.Call.Target.Channels, o.Parts, limits.Units);

    private static int Rows(in Call c) => checked(c.Images * c.Lines.Count * c.Pixels.Count);

    /// <summary>What a convolution is chosen by.</summary>
    private readonly record struct Operands(Call Call, int Parts, BufferView X, BufferView Packed);
}
