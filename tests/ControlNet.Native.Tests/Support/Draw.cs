using System;
using System.Linq;

namespace ControlNet.Native.Tests.Support;

/// <summary>Reproducible values for inputs.</summary>
internal static class Draw
{
    /// <summary>Uniform values between the bounds.</summary>
    public static float[] Uniform(long count, float low = -3f, float high = 3f, int seed = 20240607)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, checked((int)count)).Select(_ => low + (random.NextSingle() * (high - low)))];
    }
}
