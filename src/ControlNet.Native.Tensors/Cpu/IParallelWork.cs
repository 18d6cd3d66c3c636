namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// The body of a parallel loop. A struct, so that the loop over items is compiled for it and nothing is allocated;
/// what its items share are the pointers in its fields.
/// </summary>
internal interface IParallelWork
{
    /// <summary>
    /// Does one item. Items run in any order and on any worker, so an item's arithmetic may depend on neither.
    /// </summary>
    /// <param name="item">0 up to the number of items given to <see cref="WorkerTeam.For"/>.</param>
    /// <param name="worker">
    /// 0 to <see cref="WorkerTeam.Threads"/> - 1; names the scratch memory this item may use.
    /// </param>
    void Run(int item, int worker);
}
