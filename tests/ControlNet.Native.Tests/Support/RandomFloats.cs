using System;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Tests.Support;

/// <summary>Reproducible inputs, and a choice of elements where a whole result is too long to recompute.</summary>
internal static class RandomFloats
{
    private const int MostChecked = 1500;

    /// <summary>Uniform in [-1, 1).</summary>
    public static float[] Uniform(long count, int seed)
    {
        Random random = new(seed);
        float[] values = new float[count];
        for (long i = 0; i < count; i++)
        {
            values[i] = (random.NextSingle() * 2) - 1;
        }

        return values;
    }

    /// <summary>What remains of the values in a storage type.</summary>
    public static float[] Rounded(float[] values, DType type)
    {
        float[] rounded = new float[values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            rounded[i] = type switch
            {
                DType.F16 => (float)(Half)values[i],
                DType.BF16 => BFloat(values[i]),
                _ => values[i],
            };
        }

        return rounded;
    }

    /// <summary>
    /// All indices of a short result; of a long one the first, the last and a reproducible choice between.
    /// </summary>
    public static long[] IndicesToCheck(long count)
    {
        if (count <= MostChecked)
        {
            long[] all = new long[count];
            for (long i = 0; i < count; i++)
            {
                all[i] = i;
            }

            return all;
        }

        Random random = new(7);
        long[] chosen = new long[MostChecked];
        for (int i = 0; i < MostChecked; i++)
        {
            chosen[i] = random.NextInt64(count);
        }

        chosen[0] = 0;
        chosen[1] = count - 1;
        return chosen;
    }

    /// <summary>Compares the chosen elements of a result with their definition.</summary>
    public static void Check(Func<long, double> definition, float[] actual, double bound)
    {
        long[] indices = IndicesToCheck(actual.Length);
        double[] expected = new double[indices.Length];
        float[] chosen = new float[indices.Length];
        for (int i = 0; i < indices.Length; i++)
        {
            expected[i] = definition(indices[i]);
            chosen[i] = actual[indices[i]];
        }

        Close.To(expected, chosen, bound);
    }

    private static float BFloat(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        uint rounded = bits + 0x7fff + ((bits >> 16) & 1);
        return BitConverter.UInt32BitsToSingle(rounded & 0xffff0000u);
    }
}
