using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Tensors.Cpu.Gemm;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// Implementations pinned from outside, for tests and measurements: <c>CONTROLNET_FORCE=conv2d:direct,gemm:avx2</c>.
/// </summary>
/// <param name="Conv2d">
/// An entry of <see cref="CpuConv2d.Names"/>, or none; where it refuses a call the list goes on with the others.
/// </param>
/// <param name="Gemm">An entry of <see cref="GemmKernel.Names"/> that this processor can run, or none.</param>
internal sealed record ForcedImplementations(string? Conv2d, string? Gemm)
{
    private const string Setting = "CONTROLNET_FORCE";

    /// <summary>What the environment of the process pins.</summary>
    /// <exception cref="DeviceException">
    /// It names something unknown, or something this processor cannot run.
    /// </exception>
    public static ForcedImplementations FromEnvironment() => Parse(Environment.GetEnvironmentVariable(Setting));

    /// <summary>Reads a list <c>family:name,family:name</c>; none and an empty one pin nothing.</summary>
    /// <exception cref="DeviceException">
    /// It names something unknown, or something this processor cannot run.
    /// </exception>
    public static ForcedImplementations Parse(string? list)
    {
        ForcedImplementations forced = new(null, null);
        foreach (string entry in (list ?? string.Empty).Split(
            ',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            string[] parts = entry.Split(':', StringSplitOptions.TrimEntries);
            string? name = parts.Length == 2 ? parts[1] : null;
            forced = parts[0] switch
            {
                "conv2d" when CpuConv2d.Names.Contains(name) => forced with { Conv2d = name },
                "gemm" when GemmKernel.Names.Contains(name) => forced with { Gemm = name },
                _ => throw new DeviceException(
                    $"{Setting}: '{entry}' is not known; use {string.Join(", ", Known())}, several with commas " +
                    "between"),
            };
        }

        if (forced.Gemm is not null && GemmKernel.RefusalOf(forced.Gemm) is { } refusal)
        {
            throw new DeviceException(
                $"{Setting}: gemm:{forced.Gemm} {refusal}, which this processor has not; pin another or none");
        }

        return forced;
    }

    private static IEnumerable<string> Known() =>
        CpuConv2d.Names.Select(name => $"conv2d:{name}").Concat(GemmKernel.Names.Select(name => $"gemm:{name}"));
}
