using System;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>Kinds of kernels, in order of preference from the last to the first.</summary>
internal enum KernelKind
{
    /// <summary>The dialect, for every device and every call.</summary>
    Portable,

    /// <summary>Tensor cores by <c>mma.sync</c>: NVIDIA GPUs since Turing, through CUDA.</summary>
    Mma,
}

/// <summary>Which kinds of kernels a device has, and which a user wants.</summary>
internal static class KernelKinds
{
    /// <summary>The variable by which a user chooses, a word that <see cref="Best"/> knows.</summary>
    public const string WishVariable = "CONTROLNET_KERNELS";

    /// <summary>The least compute capability for <see cref="KernelKind.Mma"/>, 75 for 7.5.</summary>
    public const int MmaCompute = 75;

    private static readonly (string Word, KernelKind Kind)[] s_words =
        [("portable", KernelKind.Portable), ("mma", KernelKind.Mma)];

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
        KernelKind best = limits.Compute >= MmaCompute ? KernelKind.Mma : KernelKind.Portable;
        if (wish is null)
        {
            return best;
        }

        foreach ((string word, KernelKind kind) in s_words)
        {
            if (string.Equals(word, wish, StringComparison.OrdinalIgnoreCase))
            {
                return kind <= best ? kind : throw new DeviceException(
                    $"{WishVariable} is '{wish}', which '{device}' cannot: it needs an NVIDIA GPU of compute " +
                    $"capability {MmaCompute / 10}.{MmaCompute % 10} or more through CUDA, {Has(limits)}; leave " +
                    "it unset or say 'portable'");
            }
        }

        throw new DeviceException($"{WishVariable} is '{wish}'; it can be 'portable' or 'mma', or unset for the best");
    }

    private static string Has(GpuLimits limits) => limits.Compute == 0
        ? "this one is none"
        : $"this one has {limits.Compute / 10}.{limits.Compute % 10}";
}
