using System;
using System.Threading;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// Wakes one sleeper, and costs a read when nobody sleeps. The sleeper announces itself, looks again at what it waits
/// for, then sleeps or withdraws; a ring between the two is never lost.
/// </summary>
internal sealed class Doorbell : IDisposable
{
    private readonly SemaphoreSlim _semaphore = new(0);
    private int _announced;

    public void Announce() => Interlocked.Exchange(ref _announced, 1);

    public void Sleep() => _semaphore.Wait();

    public void Withdraw()
    {
        if (Interlocked.Exchange(ref _announced, 0) == 0)
        {
            // Someone rang in between: take the release that is there or on its way.
            _semaphore.Wait();
        }
    }

    public void Ring()
    {
        if (Volatile.Read(ref _announced) != 0 && Interlocked.Exchange(ref _announced, 0) == 1)
        {
            _semaphore.Release();
        }
    }

    public void Dispose() => _semaphore.Dispose();
}
