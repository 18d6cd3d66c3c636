using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>Element by element functions.</summary>
internal sealed unsafe class CpuPointwise(WorkerTeam team) : IPointwiseKernels
{
    private readonly WorkerTeam _team = team;

    public void Activate(Activation activation, BufferView x, BufferView y)
    {
        for (long i = 0; i < x.Count; i++)
        {
            y.Floats[i] = Apply(activation, x.Floats[i]);
        }
    }

    internal static float Apply(Activation activation, float v) => activation switch
    {
        Activation.None => v,
        Activation.Silu => (float)(v / (1 + Math.Exp(-v))),
        Activation.Gelu => (float)(0.5 * v * (1 + Erf(v / Math.Sqrt(2)))),
        Activation.QuickGelu => (float)(v / (1 + Math.Exp(-1.702 * v))),
        _ => throw new ArgumentOutOfRangeException(nameof(activation)),
    };

    private static double Erf(double x)
    {
        double a = Math.Abs(x);
        if (a > 2.5)
        {
            double f = 0;
            for (int k = 120; k >= 1; k--)
            {
                f = k / 2.0 / (a + f);
            }

            return Math.Sign(x) * (1 - (Math.Exp(-a * a) / Math.Sqrt(Math.PI) / (a + f)));
        }

        double s = 0, t = a;
        for (int n = 0; n < 100; n++)
        {
            s += t / ((2 * n) + 1);
            t *= -a * a / (n + 1);
        }

        return Math.Sign(x) * (2 / Math.Sqrt(Math.PI) * s);
    }

    public void Binary(BinaryOperation operation, in BroadcastDims d, BufferView a, BufferView b, BufferView y)
    {
        long at = 0;
        for (int i = 0; i < d.D0; i++)
        {
            for (int j = 0; j < d.D1; j++)
            {
                for (int k = 0; k < d.D2; k++)
                {
                    for (int l = 0; l < d.D3; l++)
                    {
                        float va = a.Floats[((long)i * d.A0) + ((long)j * d.A1) + ((long)k * d.A2) + ((long)l * d.A3)];
                        float vb = b.Floats[((long)i * d.B0) + ((long)j * d.B1) + ((long)k * d.B2) + ((long)l * d.B3)];
                        y.Floats[at++] = operation switch
                        {
                            BinaryOperation.Add => va + vb,
                            BinaryOperation.Subtract => va - vb,
                            _ => va * vb,
                        };
                    }
                }
            }
        }
    }

    public void LinearCombination(ReadOnlySpan<float> factors, ReadOnlySpan<BufferView> terms, BufferView y)
    {
        for (long i = 0; i < y.Count; i++)
        {
            float sum = factors[0] * terms[0].Floats[i];
            for (int t = 1; t < terms.Length; t++)
            {
                sum += factors[t] * terms[t].Floats[i];
            }

            y.Floats[i] = sum;
        }
    }

    public void Geglu(long rows, int columns, BufferView x, BufferView y)
    {
        for (long r = 0; r < rows; r++)
        {
            for (int c = 0; c < columns; c++)
            {
                y.Floats[(r * columns) + c] =
                    x.Floats[(r * 2 * columns) + c] * Apply(Activation.Gelu, x.Floats[(r * 2 * columns) + columns + c]);
            }
        }
    }

    public void Cast(BufferView x, BufferView y)
    {
        for (long i = 0; i < x.Count; i++)
        {
            Store(y, i, Load(x, i));
        }
    }

    internal static float Load(BufferView x, long i) => x.Type switch
    {
        DType.F32 => ((float*)x.Address)[i],
        DType.F16 => (float)((Half*)x.Address)[i],
        _ => BitConverter.UInt32BitsToSingle((uint)((ushort*)x.Address)[i] << 16),
    };

    internal static void Store(BufferView y, long i, float v)
    {
        switch (y.Type)
        {
            case DType.F32: ((float*)y.Address)[i] = v; break;
            case DType.F16: ((Half*)y.Address)[i] = (Half)v; break;
            default:
                uint bits = BitConverter.SingleToUInt32Bits(v);
                ((ushort*)y.Address)[i] = float.IsNaN(v)
                    ? (ushort)((bits >> 16) | 0x40)
                    : (ushort)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
                break;
        }
    }
}
