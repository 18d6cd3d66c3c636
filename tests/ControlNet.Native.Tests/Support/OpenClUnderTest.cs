using System;
using System.Linq;
using ControlNet.Native.Tensors.Gpu;
using ControlNet.Native.Tensors.Gpu.OpenCl;
using Xunit.Abstractions;

namespace ControlNet.Native.Tests.Support;

/// <summary>The OpenCL device tests run on. Where there is none, a test prints the reason and ends.</summary>
internal static class OpenClUnderTest
{
    /// <summary>
    /// The collection of tests that open devices of OpenCL, one after the other: PoCL shares its threads between
    /// devices, and a test host died in it while two were opened.
    /// </summary>
    public const string Collection = "OpenCL";

    /// <summary>The first usable device; null when there is none, and the reason is printed.</summary>
    public static GpuFound? Find(ITestOutputHelper output)
    {
        GpuSearch search = OpenClDevices.Find();
        GpuFound? found = search.Devices.FirstOrDefault(gpu => gpu.Missing is null);
        if (found is null)
        {
            string reason = search.Missing ?? string.Join("; ", search.Devices.Select(gpu => gpu.Missing));
            output.WriteLine($"not run: there is no usable OpenCL device: {reason}");
        }

        return found;
    }

    /// <summary>Options under which every file of kernels is this text.</summary>
    public static GpuOptions Kernels(string text, KernelCache? cache = null) =>
        new(cache ?? new KernelCache(null), file => KernelSource.WithPrelude($"{file}.c", text));
}
