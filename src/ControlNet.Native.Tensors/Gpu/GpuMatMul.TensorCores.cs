using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

internal sealed partial class GpuMatMul
{
    private static readonly KernelVariant[] s_mma = MmaTiles.Variants("nv/matmul_mma", "matmul_mma");

    /// <summary>Kernels for tensor cores, the best first.</summary>
    private static readonly KernelTable<Operands> s_tensorCores = new(
        new KernelRow<Operands>(KernelKind.Wgmma, KernelKinds.WgmmaCompute, TakesWgmma, ChooseWgmma),
        new KernelRow<Operands>(KernelKind.Mma, KernelKinds.MmaCompute, Takes, ChooseMma));

    /// <summary>Launches a kernel for tensor cores if there is one for the call.</summary>
    private bool TryTensorCores(
        in Call c, Activation activation, BufferView a, BufferView b, BufferView bias, BufferView addTensor,
        BufferView y)
    {
        if (s_tensorCores.Find(launcher, new Operands(c, a, b), out KernelKind kind) is not { } found)
        {
            return false;
        }

        if (kind == KernelKind.Wgmma)
        {
            LaunchWgmma(found, c, activation, a, b, bias, addTensor, y);
            return true;
        }

        launcher.Launch(
            found.Kernel, found.Grid, a, b, bias, addTensor, y, c.Rows, c.Columns, c.Depth, c.RowA, c.ColumnB,
            c.Batch1, c.BatchA.Step0, c.BatchA.Step1, c.BatchB.Step0, c.BatchB.Step1, c.Scale, (int)activation,
            GpuTiles.Halves(y));
        return true;
    }

    /// <summary>Halves whose steps lie side by side, eight of them wherever a line begins.</summary>
    private static bool Takes(Operands o) =>
        KernelPredicates.AreHalvesIn16Bytes(o.A) && KernelPredicates.AreHalvesIn16Bytes(o.B) &&
        o.Call is { StepA: 1, StepB: 1 } &&
        MmaTiles.AreInPieces(
            o.Call.Depth, o.Call.RowA, o.Call.ColumnB, o.Call.BatchA.Step0, o.Call.BatchA.Step1, o.Call.BatchB.Step0,
            o.Call.BatchB.Step1);

    private static KernelLaunch ChooseMma(Operands o, GpuLimits limits) => MmaTiles.Choose(
        s_mma, o.Call.Rows, o.Call.Columns, (long)o.Call.Batch0 * o.Call.Batch1, limits.Units);

    /// <summary>What a product is chosen by.</summary>
    private readonly record struct Operands(Call Call, BufferView A, BufferView B);
}
