using System;
using System.Linq;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>Kinds of kernels, in order of preference from the last to the first.</summary>
internal enum KernelKind
{
    /// <summary>The dialect, for every device and every call.</summary>
    Portable,

    /// <summary>Tensor cores by <c>mma.sync</c>: NVIDIA GPUs since Turing, through CUDA.</summary>
    Mma,

    /// <summary>Tensor cores by <c>wgmma</c>: compute capability 9.0, and a driver that makes tensor maps.</summary>
    Wgmma,
}

/// <summary>Which kinds of kernels a device has, and which a user wants.</summary>
internal static class KernelKinds
{
    /// <summary>The variable by which a user chooses, a word that <see cref="Best"/> knows.</summary>
    public const string WishVariable = "CONTROLNET_KERNELS";

    /// <summary>The least compute capability for <see cref="KernelKind.Mma"/>, 75 for 7.5.</summary>
    public const int MmaCompute = 75;

    /// <summary>The only compute capability for <see cref="KernelKind.Wgmma"/>: its PTX is for no other.</summary>
    public const int WgmmaCompute = 90;

    private static readonly Rule[] s_rules =
    [
        new("portable", KernelKind.Portable, "", _ => true),
        new(
            "mma", KernelKind.Mma, "an NVIDIA GPU of compute capability 7.5 or more through CUDA",
            limits => limits.Compute >= MmaCompute),
        new(
            "wgmma", KernelKind.Wgmma,
            "an NVIDIA GPU of compute capability 9.0 and no other, through CUDA 12.0 or later",
            limits => limits is { Compute: WgmmaCompute, HasTensorMaps: true }),
    ];

    /// <summary>What <see cref="WishVariable"/> says in this process; null for nothing.</summary>
    public static string? Wish =>
        Environment.GetEnvironmentVariable(WishVariable) is { Length: > 0 } word ? word : null;

    /// <summary>The best kind that a device has and a user allows.</summary>
    /// <param name="limits">What the device can do.</param>
    /// <param name="device">Its name, for the message.</param>
    /// <param name="wish">The user's word; null for the best there is.</param>
    /// <exception cref="DeviceException">There is no such kind, or the device does not have it.</exception>
    public static KernelKind Best(GpuLimits limits, string device, string? wish)
    {
        Rule best = s_rules.Last(rule => rule.Has(limits));
        if (wish is null)
        {
            return best.Kind;
        }

        Rule wished = s_rules.FirstOrDefault(
            rule => string.Equals(rule.Word, wish, StringComparison.OrdinalIgnoreCase)) ?? throw new DeviceException(
                $"{WishVariable} is '{wish}'; it can be 'portable', 'mma' or 'wgmma', or unset for the best");
        return wished.Has(limits) ? wished.Kind : throw new DeviceException(
            $"{WishVariable} is '{wish}', which '{device}' cannot: it needs {wished.Needs}, {Having(limits)}; leave " +
            $"it unset or say '{best.Word}'");
    }

    private static string Having(GpuLimits limits) => limits.Compute == 0
        ? "this one is none"
        : $"this one has {limits.Compute / 10}.{limits.Compute % 10}" +
            (limits.Compute == WgmmaCompute && !limits.HasTensorMaps ? " and an older driver" : "");

    /// <summary>A kind as users write it, what it needs, and whether a device has that.</summary>
    private sealed record Rule(string Word, KernelKind Kind, string Needs, Func<GpuLimits, bool> Has);
}
