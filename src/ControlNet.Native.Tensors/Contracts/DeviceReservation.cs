using System;
using System.Threading;

namespace ControlNet.Native.Tensors;

/// <summary>A device kept for one thread; see <see cref="Device.Reserve"/>.</summary>
public sealed class DeviceReservation : IDisposable
{
    private object? _turn;

    internal DeviceReservation(object turn) => _turn = turn;

    /// <summary>Lets the next thread have the device. Call it on the thread that reserved; twice is allowed.</summary>
    public void Dispose()
    {
        object? turn = Interlocked.Exchange(ref _turn, null);
        if (turn is not null)
        {
            Monitor.Exit(turn);
        }
    }
}
