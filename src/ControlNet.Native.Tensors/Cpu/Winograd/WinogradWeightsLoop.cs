using System.Runtime.CompilerServices;
using ControlNet.Native.Tensors.Cpu.Gemm;

namespace ControlNet.Native.Tensors.Cpu.Winograd;

/// <summary>
/// Transforms weights to be kept. One item is one panel: from <c>[9][In][32]</c> to <c>[blocks][Points][depth][32]</c>,
/// where the blocks are those of the product.
/// </summary>
internal unsafe struct WinogradWeightsLoop<TAlgorithm, TLanes, TVector> : IParallelWork
    where TAlgorithm : struct, IWinograd
    where TLanes : struct, ILaneArithmetic<TVector>
    where TVector : unmanaged
{
    private const int Width = GemmKernel.PanelColumns;
    private const int StageFloats = 36 * 16;

    public WorkerTeam Team;
    public float* Panels, Target;
    public int In, BlockDepth, Points;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int item, int worker)
    {
        float* stage = Team.Scratch(worker, StageFloats);
        float* taps = Panels + ((long)item * 9 * In * Width);
        float* to = Target + ((long)item * Points * In * Width);
        for (int channel = 0; channel < In; channel += BlockDepth)
        {
            long count = (long)System.Math.Min(BlockDepth, In - channel) * Width;
            TAlgorithm.Weight<TLanes, TVector>(
                taps + ((long)channel * Width), (long)In * Width, count, to, count, stage);
            to += Points * count;
        }
    }
}
