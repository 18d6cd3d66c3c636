using System;
using System.Threading;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Tests.Support;

/// <summary>
/// Opens the device the tests of operations run on: the CPU, or the one that <c>CONTROLNET_TEST_DEVICE</c> names, or
/// the one of <see cref="Use"/> while that lasts.
/// </summary>
internal static class TestDevice
{
    private static readonly string s_default = Environment.GetEnvironmentVariable("CONTROLNET_TEST_DEVICE") ?? "cpu";

    private static readonly AsyncLocal<string?> s_named = new();

    /// <summary>A device that belongs to the caller.</summary>
    /// <param name="threads">Threads of the CPU.</param>
    public static Device Open(int threads) => Devices.Open(s_named.Value ?? s_default, threads);

    /// <summary>Has this flow of execution open another device until the result is disposed.</summary>
    public static IDisposable Use(string name)
    {
        s_named.Value = name;
        return new End();
    }

    private sealed class End : IDisposable
    {
        public void Dispose() => s_named.Value = null;
    }
}
