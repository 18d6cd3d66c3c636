using System;
using System.Linq;
using System.Runtime.InteropServices;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Gpu;
using ControlNet.Native.Tensors.Gpu.Cuda;
using Xunit;
using Xunit.Abstractions;

namespace ControlNet.Native.Tests.Support;

/// <summary>
/// The device of the library that <c>tools/emulated-cuda/build.sh</c> makes and <c>CONTROLNET_CUDA_LIB</c> names.
/// </summary>
internal static unsafe class EmulatedCuda
{
    /// <summary>
    /// The collection of tests that read <see cref="Count"/>: none runs beside another that uses the device.
    /// </summary>
    public const string Alone = "emulated CUDA alone";

    /// <summary>Whether there is one; if not, a test prints that and ends.</summary>
    public static bool IsThere(ITestOutputHelper output)
    {
        DeviceInfo? cuda = Devices.Enumerate().FirstOrDefault(device => device.Name == "cuda:0");
        if (cuda?.Description.Contains("emulated", StringComparison.Ordinal) == true)
        {
            return true;
        }

        output.WriteLine("not run: CONTROLNET_CUDA_LIB names no library made by tools/emulated-cuda/build.sh");
        return false;
    }

    /// <summary>Opens it.</summary>
    /// <param name="records">Whether work is recorded.</param>
    public static Device Open(bool records) =>
        new(new GpuBackend(CudaDevices.Find().Devices[0].Open(GpuOptions.Default), records: records));

    /// <summary>What was asked for since the process began, or is alive; <c>driver.cpp</c> has the names.</summary>
    public static long Count(string what)
    {
        delegate* unmanaged<byte*, long> count = (delegate* unmanaged<byte*, long>)NativeLibrary.GetExport(
            NativeLibraries.CudaState.Handle, "emulated_cuda_count");
        nint text = Marshal.StringToCoTaskMemUTF8(what);
        try
        {
            return count((byte*)text);
        }
        finally
        {
            Marshal.FreeCoTaskMem(text);
        }
    }
}

/// <summary>See <see cref="EmulatedCuda.Alone"/>.</summary>
[CollectionDefinition(EmulatedCuda.Alone, DisableParallelization = true)]
public sealed class EmulatedCudaAlone;
