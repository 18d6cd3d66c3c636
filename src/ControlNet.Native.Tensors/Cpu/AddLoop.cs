using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>Sums of whole rows.</summary>
internal static unsafe class AddLoop
{
    /// <summary>target += source</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Into(float* target, float* source, long count)
    {
        long i = 0;
        if (Vector128.IsHardwareAccelerated)
        {
            for (; i <= count - 16; i += 16)
            {
                (Vector512.Load(target + i) + Vector512.Load(source + i)).Store(target + i);
            }
        }

        for (; i < count; i++)
        {
            target[i] += source[i];
        }
    }
}
