namespace ControlNet.Native.Tensors.Cpu.Gemm;

/// <summary>
/// Joins the sums of several parts of the pixels, in the order of the parts. One item is a panel of 32 outputs.
/// </summary>
internal unsafe struct WeightGradientJoinLoop : IParallelWork
{
    public WorkerTeam Team;
    public WeightGradientSums Sums;

    /// <summary><c>[Splits][Panels][PanelCount]</c>; the first part takes the sums.</summary>
    public float* Partial;

    public int Splits, Panels;

    public readonly void Run(int item, int worker)
    {
        long count = (long)Sums.In * Sums.Taps * GemmKernel.PanelColumns;
        float* total = Partial + (item * count);
        for (int split = 1; split < Splits; split++)
        {
            AddLoop.Into(total, Partial + ((((long)split * Panels) + item) * count), count);
        }

        Sums.Finish(total, item, 0, Sums.In, Team.Scratch(worker, WeightGradientSums.StageCount(count)));
    }
}
