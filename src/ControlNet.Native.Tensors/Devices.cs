using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Tensors.Cpu;
using ControlNet.Native.Tensors.Gpu;
using ControlNet.Native.Tensors.Gpu.Cuda;
using ControlNet.Native.Tensors.Gpu.OpenCl;

namespace ControlNet.Native.Tensors;

/// <summary>Finds and opens devices. The one place that knows which backends exist.</summary>
public static partial class Devices
{
    private const string Automatic = "auto";

    /// <summary>Opens the CPU with threads of its own.</summary>
    /// <param name="threads">How many threads compute; 0 means one for each processor the process may use.</param>
    /// <returns>A device that belongs to the caller.</returns>
    public static Device Cpu(int threads = 0) => new(new CpuBackend(threads));

    /// <summary>
    /// Lists every device there is, usable or not, and each kind of device that has none, with the reason. A driver
    /// that is missing or broken is listed as missing; it is never an exception.
    /// </summary>
    public static IReadOnlyList<DeviceInfo> Enumerate()
    {
        List<DeviceInfo> list = [];
        using (CpuBackend cpu = new())
        {
            long memoryBytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
            list.Add(new DeviceInfo(cpu.Name, cpu.Description, memoryBytes, "", IsGpu: false, null));
        }

        Add(list, "cuda", CudaDevices.Find());
        Add(list, "opencl", OpenClDevices.Find());
        return list;
    }

    /// <summary>Opens a device by its name.</summary>
    /// <param name="name">
    /// <c>cpu</c>, <c>cuda:0</c>, <c>opencl:0</c> as <see cref="Enumerate"/> lists them, or <c>auto</c> for the best
    /// one: CUDA before a GPU of OpenCL before the CPU.
    /// </param>
    /// <param name="threads">Threads of the CPU; 0 means one for each processor. Others have no use for it.</param>
    /// <returns>A device that belongs to the caller.</returns>
    /// <exception cref="DeviceException">
    /// There is no such device, and the message says which there are; or <c>CONTROLNET_KERNELS</c> asks for kernels
    /// that do not exist or that the device cannot run.
    /// </exception>
    /// <exception cref="GpuException">The device's driver refuses to open it.</exception>
    public static Device Open(string name, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (Is(name, "cpu"))
        {
            return Cpu(threads);
        }

        GpuSearch cuda = CudaDevices.Find(), openCl = OpenClDevices.Find();
        List<GpuFound> found = [.. cuda.Devices, .. openCl.Devices];
        if (Is(name, Automatic))
        {
            GpuFound? best = found.FirstOrDefault(gpu => gpu.Missing is null && !gpu.Limits.IsCpu);
            return best is null ? Cpu(threads) : OpenFound(best);
        }

        GpuFound? named = found.FirstOrDefault(gpu => Is(name, gpu.Name));
        if (named is null)
        {
            IEnumerable<string> names = found.Where(gpu => gpu.Missing is null).Select(gpu => $"'{gpu.Name}'");
            string there = string.Join(", ", names.Prepend("'cpu'").Append($"'{Automatic}'"));
            string why = Reason(name, "cuda", cuda) ?? Reason(name, "opencl", openCl) ?? "";
            throw new DeviceException($"there is no device '{name}'{why}; there is {there}");
        }

        return named.Missing is { } reason
            ? throw new DeviceException($"the device '{named.Name}' ({named.Description}) cannot be used: {reason}")
            : OpenFound(named);
    }

    private static Device OpenFound(GpuFound gpu)
    {
        // What the user asks of a device is refused before the device is opened.
        _ = KernelKinds.Best(gpu.Limits, gpu.Name, KernelKinds.Wish);
        GpuOptions options = GpuOptions.Default;
        GpuBackend backend = new(gpu.Open(options));
        UseTuning(options.Cache, backend);
        return new Device(backend);
    }

    /// <summary>Why a kind of device that was asked for has none; null when it has, or another was asked for.</summary>
    private static string? Reason(string name, string kind, GpuSearch search) =>
        search.Missing is { } reason && name.StartsWith(kind, StringComparison.OrdinalIgnoreCase)
            ? $": {reason}"
            : null;

    private static bool Is(string name, string other) => string.Equals(name, other, StringComparison.OrdinalIgnoreCase);

    private static void Add(List<DeviceInfo> list, string kind, GpuSearch search)
    {
        foreach (GpuFound gpu in search.Devices)
        {
            list.Add(new DeviceInfo(
                gpu.Name, gpu.Description, gpu.Limits.MemoryBytes, gpu.Driver, !gpu.Limits.IsCpu, gpu.Missing));
        }

        if (search.Missing is { } reason)
        {
            list.Add(new DeviceInfo(kind, "", 0, "", IsGpu: true, reason));
        }
    }
}
