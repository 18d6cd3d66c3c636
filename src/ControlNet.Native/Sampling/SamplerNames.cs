using System;
using System.Collections.Generic;
using System.Linq;

namespace ControlNet.Native.Sampling;

/// <summary>
/// Samplers and schedules by the names users write, those of stable-diffusion.cpp and diffusers among them.
/// </summary>
public static class SamplerNames
{
    /// <summary>The first name of a kind is its own; the others are aliases.</summary>
    private static readonly (SamplerKind Kind, string[] Names)[] s_samplers =
    [
        (SamplerKind.Ddim, ["ddim"]),
        (SamplerKind.Pndm, ["pndm", "plms"]),
        (SamplerKind.Ddpm, ["ddpm"]),
        (SamplerKind.Euler, ["euler", "k_euler"]),
        (SamplerKind.EulerAncestral, ["euler_a", "euler_ancestral", "k_euler_a"]),
        (SamplerKind.Heun, ["heun", "k_heun"]),
        (SamplerKind.Lms, ["lms", "k_lms"]),
        (SamplerKind.DpmPlusPlus2M, ["dpmpp_2m", "dpm++2m", "dpm++_2m"]),
        (SamplerKind.DpmPlusPlus2MSde, ["dpmpp_2m_sde", "dpm++2m_sde", "dpm++_2m_sde"]),
        (SamplerKind.DpmPlusPlus2S, ["dpmpp_2s", "dpm++2s", "dpm++_2s"]),
        (SamplerKind.UniPc, ["unipc", "uni_pc"]),
        (SamplerKind.Dpm2, ["dpm2", "k_dpm_2", "kdpm2"]),
        (SamplerKind.Dpm2Ancestral, ["dpm2_a", "k_dpm_2_a", "kdpm2_a", "dpm2_ancestral"]),
        (SamplerKind.Deis, ["deis"]),
        (SamplerKind.Lcm, ["lcm"]),
    ];

    private static readonly (SigmaSchedule Schedule, string[] Names)[] s_schedules =
    [
        (SigmaSchedule.Normal, ["normal", "discrete"]),
        (SigmaSchedule.Karras, ["karras"]),
        (SigmaSchedule.Exponential, ["exponential"]),
        (SigmaSchedule.Lu, ["lu"]),
    ];

    /// <summary>The name of every sampler, without aliases.</summary>
    public static IReadOnlyList<string> Samplers { get; } = [.. s_samplers.Select(s => s.Names[0])];

    /// <summary>The name of every schedule, without aliases.</summary>
    public static IReadOnlyList<string> Schedules { get; } = [.. s_schedules.Select(s => s.Names[0])];

    /// <summary>The sampler a name or alias means; case does not matter.</summary>
    /// <exception cref="SamplingException">No sampler has that name; the message lists those there are.</exception>
    public static SamplerKind Sampler(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        foreach ((SamplerKind kind, string[] names) in s_samplers)
        {
            if (names.Contains(name, StringComparer.OrdinalIgnoreCase))
            {
                return kind;
            }
        }

        throw new SamplingException(
            $"there is no sampler '{SamplingException.Quote(name)}'; take one of {string.Join(", ", Samplers)}");
    }

    /// <summary>The schedule a name or alias means; case does not matter.</summary>
    /// <exception cref="SamplingException">No schedule has that name; the message lists those there are.</exception>
    public static SigmaSchedule Schedule(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        foreach ((SigmaSchedule schedule, string[] names) in s_schedules)
        {
            if (names.Contains(name, StringComparer.OrdinalIgnoreCase))
            {
                return schedule;
            }
        }

        throw new SamplingException(
            $"there is no schedule '{SamplingException.Quote(name)}'; take one of {string.Join(", ", Schedules)}");
    }

    /// <summary>The name of a sampler.</summary>
    public static string Of(SamplerKind kind) => s_samplers.First(s => s.Kind == kind).Names[0];

    /// <summary>The name of a schedule.</summary>
    public static string Of(SigmaSchedule schedule) => s_schedules.First(s => s.Schedule == schedule).Names[0];

    /// <summary>Whether a sampler's noise levels can be spaced that way.</summary>
    public static bool Supports(SamplerKind kind, SigmaSchedule schedule) => schedule switch
    {
        SigmaSchedule.Normal => true,
        SigmaSchedule.Lu => kind is SamplerKind.DpmPlusPlus2M or SamplerKind.DpmPlusPlus2MSde,
        _ => kind is not SamplerKind.EulerAncestral && !SchedulerConfig.WorksOnAlphas(kind),
    };
}
