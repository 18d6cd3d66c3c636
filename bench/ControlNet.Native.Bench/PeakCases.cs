using System;
using System.Collections.Generic;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Bench;

/// <summary>One call and the floating-point operations that its result needs when it is formed directly.</summary>
internal sealed record PeakCase(string Name, double Operations, Action Run);

/// <summary>Calls with random inputs that live as long as this; each is added by its shape.</summary>
internal sealed class PeakCases(Device device) : IDisposable
{
    private readonly List<PeakCase> _all = [];
    private readonly List<IDisposable> _owned = [];
    private readonly Random _random = new(1);

    public IReadOnlyList<PeakCase> All => _all;

    /// <summary>
    /// A linear layer with bias. With <paramref name="coldBytes"/> it goes through copies of its weight in turn.
    /// </summary>
    public void Linear(int rows, int @in, int @out, DType type = DType.F32, long coldBytes = 0)
    {
        Tensor x = Draw(new Shape(rows, @in)), bias = Draw(new Shape(@out));
        long bytes = (long)@in * @out * type.ElementBytes();
        PackedWeight[] weights = new PackedWeight[Math.Max(1, coldBytes / bytes)];
        using (Tensor weight = Draw(new Shape(@out, @in)))
        {
            for (int i = 0; i < weights.Length; i++)
            {
                weights[i] = Ops.PackLinear(weight, type);
                _owned.Add(weights[i]);
            }
        }

        int next = 0;
        _owned.AddRange([x, bias]);
        string name = $"linear {rows} x {@in} x {@out} {Suffix(type, weights.Length > 1)}";
        Add(name, 2.0 * rows * @in * @out, () =>
        {
            using Tensor y = Ops.Linear(x, weights[next], bias);
            next = (next + 1) % weights.Length;
        });
    }

    /// <summary>A convolution with bias of square images, padded so that stride 1 keeps their size.</summary>
    public void Conv(int batch, int size, int @in, int @out, int kernel, int stride = 1, DType type = DType.F32)
    {
        Tensor x = Draw(new Shape(batch, size, size, @in)), bias = Draw(new Shape(@out));
        using Tensor weight = Draw(new Shape(@out, @in, kernel, kernel));
        PackedWeight packed = Ops.PackConv2d(weight, type);
        Padding padding = Padding.All(kernel / 2);
        _owned.AddRange([x, bias, packed]);
        double pixels = (double)batch * (size / stride) * (size / stride);
        string name =
            $"conv {kernel}x{kernel}/{stride} {batch} x {size}x{size} x {@in} -> {@out} {Suffix(type, false)}";
        Add(name, 2 * pixels * @in * @out * kernel * kernel, () =>
        {
            using Tensor y = Ops.Conv2d(x, packed, bias, stride, padding);
        });
    }

    public void Dispose() => _owned.ForEach(static owned => owned.Dispose());

    private static string Suffix(DType type, bool cold) =>
        (type == DType.F32 ? "" : type.Name() + " ") + (cold ? "cold" : "");

    private void Add(string name, double operations, Action run) => _all.Add(new PeakCase(name, operations, run));

    private Tensor Draw(Shape shape)
    {
        float[] values = new float[shape.Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (_random.NextSingle() * 2f) - 1f;
        }

        return Tensor.From(device, shape, values);
    }
}
