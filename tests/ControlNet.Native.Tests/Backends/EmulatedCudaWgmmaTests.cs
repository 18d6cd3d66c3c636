using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Gpu;
using ControlNet.Native.Tests.Support;
using Xunit;
using Xunit.Abstractions;

namespace ControlNet.Native.Tests.Backends;

/// <summary>
/// Products and convolutions by <c>wgmma</c> on the emulated device, where it is one of compute capability 9.0: against
/// their definition in double, and to the bit across tiles, batches and recordings.
/// </summary>
[Collection(EmulatedCuda.Alone)]
public sealed class EmulatedCudaWgmmaTests(ITestOutputHelper output)
{
    /// <summary>Multiprocessors of the emulated device, by which tiles are chosen.</summary>
    private const int Units = 4;

    public static TheoryData<Conv2dCase> Convolutions =>
    [
        .. Conv2dCases.TensorCores(),
        new Conv2dCase(2, 10, 7, 136, 20, 3, 3, new Padding(0, 2, 2, 1), AddTensor: true),
        new Conv2dCase(1, 3, 40, 8, 40, 5, 1, Padding.All(2), Bias: false, AddRow: true),
        new Conv2dCase(5, 4, 1, 16, 24, 3, 1, Padding.All(1)),
        new Conv2dCase(1, 25, 20, 64, 250, 1, 1, default),
        new Conv2dCase(2, 8, 8, 72, 160, 3, 1, Padding.All(1), Activation: Activation.Silu),
        // Tiles that begin in the middle of a line of either image.
        new Conv2dCase(2, 29, 27, 24, 32, 3, 2, Padding.All(1), AddRow: true),
    ];

    [Theory]
    [InlineData(500, 250, 256)]
    [InlineData(250, 300, 160)]
    [InlineData(250, 250, 128)]
    [InlineData(128, 250, 64)]
    public void Every_tile_is_the_definition_up_to_its_edges(int rows, int columns, int tile)
    {
        using Device? device = Open();
        if (device is null)
        {
            return;
        }

        using TensorScope scope = TensorScope.Enter();
        KernelVariant[] variants = WgmmaTiles.Variants("nv/matmul_wgmma", "matmul_wgmma");
        Assert.Equal(tile, WgmmaTiles.Choose(variants, rows, columns, 1, Units).Tile.Columns);
        foreach (int depth in (int[])[8, 64, 200, 584])
        {
            float[] x = Values(rows * depth, 1), w = Values(columns * depth, 2), bias = Values(columns, 3);
            float[] added = Values(rows * columns, 4);
            Tensor weight = Tensor.From(device, new Shape(columns, depth), w);
            using PackedWeight packed = Ops.PackLinear(weight, DType.F16);
            long before = EmulatedCuda.Count("launches of matmul_wgmma");
            Tensor y = Ops.Linear(
                HalfTensors.Tensor(device, new Shape(rows, depth), x), packed,
                Tensor.From(device, new Shape(columns), bias), Activation.Silu,
                HalfTensors.Tensor(device, new Shape(rows, columns), added));
            HalfTensors.Check(
                i => ReferenceMatMul.Linear(x, w, bias, added, depth, columns, Activation.Silu, i), y.Floats());
            Assert.Equal(1, EmulatedCuda.Count("launches of matmul_wgmma") - before);
        }
    }

    [Theory]
    [InlineData(new[] { 2, 3, 40, 72 }, new[] { 2, 3, 33, 72 })]
    [InlineData(new[] { 2, 3, 130, 16 }, new[] { 1, 3, 70, 16 })]
    [InlineData(new[] { 2, 1, 17, 136 }, new[] { 2, 3, 9, 136 })]
    [InlineData(new[] { 5, 17, 64 }, new[] { 9, 64 })]
    public void Members_of_a_batch_have_operands_of_their_own_or_share_them(int[] a, int[] b)
    {
        using Device? device = Open();
        if (device is null)
        {
            return;
        }

        using TensorScope scope = TensorScope.Enter();
        Shape shapeA = new(a), shapeB = new(b);
        float[] valuesA = Values((int)shapeA.Count, 1), valuesB = Values((int)shapeB.Count, 2);
        long before = EmulatedCuda.Count("launches of matmul_wgmma");
        Tensor y = Ops.MatMul(
            HalfTensors.Tensor(device, shapeA, valuesA), HalfTensors.Tensor(device, shapeB, valuesB),
            transposeB: true, scale: 0.25f);
        HalfTensors.Check(
            i => ReferenceMatMul.Product(valuesA, shapeA, false, valuesB, shapeB, true, 0.25f, y.Shape, i), y.Floats());
        Assert.Equal(1, EmulatedCuda.Count("launches of matmul_wgmma") - before);
    }

    [Theory]
    [MemberData(nameof(Convolutions))]
    public void Convolution_is_its_definition(Conv2dCase c)
    {
        using Device? device = Open();
        if (device is null)
        {
            return;
        }

        c = c with { Weights = DType.F16 };
        Conv2dRun run = new(c, DType.F16);
        long before = EmulatedCuda.Count("launches of conv2d_wgmma");
        HalfTensors.Check(run.At, run.On(device));
        Assert.Equal(1, EmulatedCuda.Count("launches of conv2d_wgmma") - before);
    }

    [Fact]
    public void Neither_the_tile_nor_the_batch_changes_a_bit()
    {
        using Device? device = Open();
        if (device is null)
        {
            return;
        }

        using TensorScope scope = TensorScope.Enter();
        Tensor x = Halves(device, new Shape(500, 200), 1), images = Halves(device, new Shape(3, 9, 8, 136), 2);
        using PackedWeight packed = Ops.PackLinear(
            Tensor.From(device, new Shape(250, 200), Values(250 * 200, 3)), DType.F16);
        using PackedWeight kernel = Ops.PackConv2d(
            Tensor.From(device, new Shape(250, 136, 3, 3), Values(250 * 136 * 9, 4)), DType.F16);
        float[] y = Ops.Linear(x, packed).Floats();
        foreach ((int first, int rows) in ((int, int)[])[(0, 250), (128, 128), (499, 1), (0, 500)])
        {
            Assert.Equal(
                y[(first * 250)..((first + rows) * 250)], Ops.Linear(x.Rows(first, rows), packed).Floats());
        }

        float[] z = Ops.Conv2d(images, kernel, null, 1, Padding.All(1)).Floats();
        int each = z.Length / 3;
        Assert.Equal(
            z[each..(2 * each)], Ops.Conv2d(images.Rows(1, 1), kernel, null, 1, Padding.All(1)).Floats());
    }

    [Fact]
    public void What_is_recorded_keeps_its_maps()
    {
        using Device? device = Open();
        if (device is null)
        {
            return;
        }

        using TensorScope scope = TensorScope.Enter();
        using PackedWeight packed = Ops.PackLinear(
            Tensor.From(device, new Shape(40, 72), Values(40 * 72, 3)), DType.F16);
        using PackedWeight kernel = Ops.PackConv2d(
            Tensor.From(device, new Shape(72, 16, 3, 3), Values(72 * 16 * 9, 4)), DType.F16);
        using Replay replay = new(device);
        long before = EmulatedCuda.Count("replays");
        for (int i = 0; i < 4; i++)
        {
            Tensor x = Halves(device, new Shape(2, 6, 5, 16), i);
            float[] expected = Work([x]).Floats();
            if (replay.Repeats("work"))
            {
                using Tensor y = replay.Run([x], Work);
                Assert.Equal(expected, y.Floats());
            }
        }

        Assert.Equal(3, EmulatedCuda.Count("replays") - before);

        Tensor Work(IReadOnlyList<Tensor> inputs) =>
            Ops.Linear(Ops.Conv2d(inputs[0], kernel, null, 2, Padding.All(1)), packed);
    }

    private static float[] Values(int count, int seed) => HalfTensors.Rounded(RandomFloats.Uniform(count, seed));

    private static Tensor Halves(Device device, Shape shape, int seed) =>
        HalfTensors.Tensor(device, shape, Values((int)shape.Count, seed));

    /// <summary>The emulated device if it has such kernels; if not, says so and returns null.</summary>
    private Device? Open()
    {
        if (!EmulatedCuda.IsThere(output))
        {
            return null;
        }

        DeviceInfo cuda = Devices.Enumerate().First(device => device.Name == "cuda:0");
        if (cuda.Description.Contains("9.0", StringComparison.Ordinal) && KernelKinds.Wish is null or "wgmma")
        {
            return EmulatedCuda.Open(records: true);
        }

        output.WriteLine("not run: the emulated device has no kernels of this kind");
        return null;
    }
}
