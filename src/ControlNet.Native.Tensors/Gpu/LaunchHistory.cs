using System.Text;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>The last launches of a stream. A failure that is reported late is of one of these.</summary>
internal sealed class LaunchHistory
{
    private const int Length = 16;

    /// <summary>How many a message names: the culprit is found by waiting for every launch.</summary>
    private const int Named = 4;

    private readonly KernelVariant?[] _kernels = new KernelVariant?[Length];
    private int _next;

    /// <summary>Notes a launch.</summary>
    public void Add(KernelVariant kernel)
    {
        _kernels[_next] = kernel;
        _next = (_next + 1) % Length;
    }

    /// <summary>Forgets everything: what was launched has finished.</summary>
    public void Clear()
    {
        if (_kernels[(_next + Length - 1) % Length] is not null)
        {
            System.Array.Clear(_kernels);
        }
    }

    /// <summary>The kernels that may have failed, the newest first; null when none was launched.</summary>
    public string? Describe()
    {
        StringBuilder text = new();
        KernelVariant? before = null;
        int named = 0;
        for (int i = 1; i <= Length; i++)
        {
            KernelVariant? kernel = _kernels[(_next + Length - i) % Length];
            if (kernel is null || kernel == before)
            {
                continue;
            }

            if (named++ == Named)
            {
                return text.Append(" or one of those before (CONTROLNET_SYNC=1 tells which)").ToString();
            }

            text.Append(text.Length == 0 ? "" : " or before it ").Append(kernel);
            before = kernel;
        }

        return text.Length == 0 ? null : text.ToString();
    }
}
