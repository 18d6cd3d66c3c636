using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tensors.Cpu.Gemm;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>Matrix products by panels: weights are packed once, the right side of a product for each call.</summary>
internal sealed unsafe partial class CpuMatMul(WorkerTeam team, CpuMemory memory) : IMatMulKernels
{
    private readonly CpuPointwise _pointwise = new(team);

    public long PackedCount(int outFeatures, int inFeatures) => GemmPack.Count(inFeatures, outFeatures);

    public void Pack(int outFeatures, int inFeatures, BufferView weight, BufferView packed) =>
        GemmPack.Weights(team, outFeatures, inFeatures, 1, weight.Type, weight.Address, packed.Type, packed.Address);

    public void Linear(
        in LinearDims d, BufferView x, BufferView packed, BufferView bias, BufferView addTensor, BufferView y)
    {
        GemmProblem problem = GemmProblem.Plain(d.Rows, d.In, d.Out);
        problem.A = x.Floats;
        problem.Panels = packed.Address;
        problem.PanelType = packed.Type;
        problem.Y = y.Floats;
        problem.Epilogue.Bias = FloatsOrNull(bias);
        problem.Epilogue.AddTensor = FloatsOrNull(addTensor);
        problem.Epilogue.Activation = d.Activation;
        GemmDriver.Run(team, problem);
    }

    /// <summary>In two passes: values and gates of a row lie too far apart for the tiles here.</summary>
    public void LinearGeglu(in LinearDims d, BufferView x, BufferView packed, BufferView bias, BufferView y)
    {
        using MemoryBlock both = memory.Allocate(BothBytes(d));
        BufferView h = new(both, DType.F32, 0, (long)d.Rows * d.Out);
        Linear(d, x, packed, bias, BufferView.None, h);
        _pointwise.Geglu(d.Rows, d.Out / 2, h, y);
    }

    public void Product(in MatMulDims d, BufferView a, BufferView b, BufferView y)
    {
        (int matrices0, int matrices1) = MatricesOfB(d);
        long packedCount = GemmPack.Count(d.K, d.N);
        using MemoryBlock packed = memory.Allocate(PackedBytes(d));
        GemmPack.Matrices(
            team, matrices0 * matrices1, d.K, d.N, d.TransposeB, b.Floats, (float*)packed.HostAddress);

        GemmProblem problem = GemmProblem.Plain(d.M, d.K, d.N);
        problem.A = a.Floats;
        problem.TransposeA = d.TransposeA;
        problem.StrideA = d.TransposeA ? d.M : d.K;
        problem.Panels = (void*)packed.HostAddress;
        problem.PanelType = DType.F32;
        problem.Y = y.Floats;
        problem.Epilogue.Scale = d.Scale;
        (problem.Batch0, problem.Batch1) = (d.Batch0, d.Batch1);
        (problem.StepA0, problem.StepA1) = (d.StepA0, d.StepA1);
        problem.StepPanels0 = d.StepB0 == 0 ? 0 : packedCount * matrices1;
        problem.StepPanels1 = d.StepB1 == 0 ? 0 : packedCount;
        GemmDriver.Run(team, problem);
    }

    /// <summary>Bytes of values and gates, for as long as the call.</summary>
    internal static long BothBytes(in LinearDims d) => checked((long)d.Rows * d.Out * sizeof(float));

    /// <summary>Bytes the right side of a product takes in panels, for as long as the call.</summary>
    internal static long PackedBytes(in MatMulDims d)
    {
        (int matrices0, int matrices1) = MatricesOfB(d);
        return checked(GemmPack.Count(d.K, d.N) * matrices0 * matrices1 * sizeof(float));
    }

    /// <summary>Different matrices on the right side: a repeated operand is packed once.</summary>
    private static (int Batch0, int Batch1) MatricesOfB(in MatMulDims d) =>
        (d.StepB0 == 0 ? 1 : d.Batch0, d.StepB1 == 0 ? 1 : d.Batch1);

    private static float* FloatsOrNull(BufferView view) => view.IsNone ? null : view.Floats;
}
