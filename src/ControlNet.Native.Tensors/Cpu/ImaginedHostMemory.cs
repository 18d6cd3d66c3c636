namespace ControlNet.Native.Tensors.Cpu;

/// <summary>Memory that is counted and does not exist.</summary>
internal sealed class ImaginedHostMemory : HostMemory
{
    private const nint Step = 1 << 30;

    private nint _last;

    public override bool HoldsData => false;

    public override nint Allocate(long bytes) => _last += Step;

    public override void Free(nint address)
    {
    }

    public override long GiveBack(nint address, long bytes) => LargePages.GiveBackSize(address, bytes);
}
