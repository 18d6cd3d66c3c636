using System;
using System.Linq;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tensors.Cpu;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.OpTests;

/// <summary>Every algorithm of the list on every case, and the rules by which one is chosen.</summary>
public sealed class Conv2dChoiceTests
{
    /// <summary>Largest error relative to the largest element.</summary>
    private const double Bound = 5e-6;

    /// <summary>Relative root mean square of the error that the contract promises.</summary>
    private const double RmsBound = 5e-6;

    public static TheoryData<string, Conv2dCase> Forced
    {
        get
        {
            TheoryData<string, Conv2dCase> data = [];
            foreach (string name in CpuConv2d.Names)
            {
                foreach (Conv2dCase c in Conv2dCases.Edges().Concat(Conv2dCases.Tiles()))
                {
                    data.Add(name, c);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Forced))]
    public void Every_implementation_is_the_definition(string name, Conv2dCase c)
    {
        using Device cpu = Forcing($"conv2d:{name}", 2);
        Conv2dRun run = new(c);
        RandomFloats.Check(run.At, run.On(cpu), Bound);
        if (name != "direct")
        {
            RandomFloats.Check(run.At, run.On(cpu, run.KeptUse), Bound);
        }
    }

    [Theory]
    [InlineData("winograd4", 320)]
    [InlineData("winograd4", 1000)]
    [InlineData("winograd2", 320)]
    public void The_error_is_within_what_the_contract_promises(string name, int channels)
    {
        using Device cpu = Forcing($"conv2d:{name}", 2);
        Conv2dRun run = new(new Conv2dCase(1, 24, 21, channels, 40, 3, 1, Padding.All(1)));
        float[] y = run.On(cpu);
        double error = 0, magnitude = 0;
        foreach (long i in RandomFloats.IndicesToCheck(y.Length))
        {
            double expected = run.At(i);
            error += (y[i] - expected) * (y[i] - expected);
            magnitude += expected * expected;
        }

        double rms = Math.Sqrt(error / magnitude);
        Assert.True(rms <= RmsBound, $"{name}: relative rms {rms:e2} exceeds {RmsBound:e2}");
    }

    [Theory]
    [InlineData("winograd4", DType.F32)]
    [InlineData("winograd4", DType.F16)]
    [InlineData("winograd2", DType.BF16)]
    public void Threads_do_not_show_in_the_bits(string name, DType weights)
    {
        Conv2dRun run = new(
            new Conv2dCase(3, 19, 14, 150, 100, 3, 1, Padding.All(1), weights, Activation.Silu, AddRow: true));
        float[]? one = null, oneKept = null;
        foreach (int threads in (int[])[1, 2, 3, 8])
        {
            using Device cpu = Forcing($"conv2d:{name}", threads);
            float[] y = run.On(cpu), kept = run.On(cpu, run.KeptUse);
            Assert.True(y.AsSpan().SequenceEqual(one ??= y), $"{threads} threads give another result than one");
            Assert.True(kept.AsSpan().SequenceEqual(oneKept ??= kept), $"{threads} threads: kept weights differ");
        }
    }

    /// <summary>
    /// Where both sum over one block. Longer sums are cut otherwise (decision 0011), so their last bits differ.
    /// </summary>
    [Theory]
    [InlineData("winograd4", 64)]
    [InlineData("winograd2", 64)]
    public void A_kept_transform_gives_the_bits_of_one_made_for_the_call(string name, int channels)
    {
        using Device cpu = Forcing($"conv2d:{name}", 2);
        Conv2dRun run = new(new Conv2dCase(2, 13, 16, channels, 70, 3, 1, Padding.All(1), AddTensor: true));
        Assert.Equal(run.On(cpu), run.On(cpu, run.KeptUse));
    }

    [Theory]
    [InlineData("winograd4", 150)]
    [InlineData("winograd4", 700)]
    [InlineData("winograd2", 700)]
    public void A_kept_transform_differs_in_the_last_bits_only(string name, int channels)
    {
        using Device cpu = Forcing($"conv2d:{name}", 2);
        Conv2dRun run = new(new Conv2dCase(2, 13, 16, channels, 70, 3, 1, Padding.All(1), AddTensor: true));
        float[] made = run.On(cpu), kept = run.On(cpu, run.KeptUse);
        double squares = 0, errors = 0;
        for (int i = 0; i < made.Length; i++)
        {
            squares += (double)made[i] * made[i];
            errors += Math.Pow(made[i] - (double)kept[i], 2);
        }

        Assert.InRange(Math.Sqrt(errors / squares), 0, 5e-6);
    }

    [Theory]
    [InlineData(WeightGrowth.None, 64, 9)]
    [InlineData(WeightGrowth.Moderate, 31, 16)]
    [InlineData(WeightGrowth.Moderate, 32, 36)]
    [InlineData(WeightGrowth.Full, 15, 16)]
    [InlineData(WeightGrowth.Full, 16, 36)]
    public void A_weight_grows_as_its_use_allows(WeightGrowth growth, int edge, int elementsForNine)
    {
        using Device cpu = Devices.Cpu(1);
        using TensorScope scope = TensorScope.Enter();
        Shape shape = new(64, 32, 3, 3);
        Conv2dUse use = new(edge, edge, 1, Padding.All(1), growth);
        using PackedWeight packed = Ops.PackConv2d(Tensor.Zeros(cpu, shape), DType.F16, use);
        DType type = growth == WeightGrowth.None ? DType.F16 : DType.F32;
        Assert.Equal(type, packed.DType);
        Assert.Equal(64L * 32 * elementsForNine * type.ElementBytes(), packed.Bytes);
        Assert.Equal(packed.Bytes, Ops.PackedConv2dBytes(cpu, shape, DType.F16, use));
        Assert.Equal(64L * 32 * 9 * 2, Ops.PackedConv2dBytes(cpu, shape, DType.F16, use with { Stride = 2 }));
        Assert.Equal(64L * 32 * 1 * 2, Ops.PackedConv2dBytes(cpu, new Shape(64, 32, 1, 1), DType.F16, use));
    }

    [Fact]
    public void A_weight_packed_for_stride_1_refuses_another()
    {
        using Device cpu = Devices.Cpu(1);
        using TensorScope scope = TensorScope.Enter();
        using PackedWeight packed = Ops.PackConv2d(
            Tensor.Zeros(cpu, new Shape(32, 32, 3, 3)), DType.F32,
            new Conv2dUse(64, 64, 1, Padding.All(1), WeightGrowth.Moderate));
        Assert.Equal(
            "Conv2d: weight [32, 32, 3, 3] was packed for stride 1, got stride 2; pack it for the stride it is used " +
            "with",
            Assert.Throws<ShapeException>(() => Ops.Conv2d(
                Tensor.Zeros(cpu, new Shape(1, 8, 8, 32)), packed, stride: 2, padding: Padding.All(1))).Message);
    }

    [Theory]
    [InlineData("winograd4", 64, 320, 3, 1, Conv2dForm.Direct, null)]
    [InlineData("winograd4", 64, 320, 1, 1, Conv2dForm.Direct, "the kernel is 1x1, not 3x3")]
    [InlineData("winograd2", 64, 320, 3, 2, Conv2dForm.Direct, "the stride is 2, not 1")]
    [InlineData("winograd4", 64, 4, 3, 1, Conv2dForm.Direct, "4 channels are fewer than 16")]
    [InlineData(
        "winograd4", 6, 320, 3, 1, Conv2dForm.Direct,
        "504 products for a weight, its transform included, are more than the 384 of F(2x2)")]
    [InlineData("winograd4", 8, 320, 3, 1, Conv2dForm.Direct, null)]
    [InlineData("winograd2", 8, 320, 3, 1, Conv2dForm.Direct, null)]
    [InlineData(
        "winograd2", 3, 320, 3, 1, Conv2dForm.Direct,
        "224 products for a weight, its transform included, are not fewer than the 162 of direct")]
    [InlineData("winograd2", 64, 320, 3, 1, Conv2dForm.Winograd4, "the weight is transformed for F(4x4)")]
    [InlineData("winograd4", 64, 320, 3, 1, Conv2dForm.Winograd2, "the weight is transformed for F(2x2)")]
    [InlineData("direct", 64, 320, 3, 1, Conv2dForm.Winograd2, "the weight is transformed for Winograd's algorithm")]
    [InlineData("direct", 64, 320, 3, 1, Conv2dForm.Direct, null)]
    public void A_refusal_says_why(
        string name, int edge, int channels, int kernel, int stride, object form, string? sentence)
    {
        Conv2dDims d = new(1, edge, edge, channels, 320, kernel, stride, Padding.All(kernel / 2), Activation.None)
        {
            Form = (Conv2dForm)form,
        };
        Assert.Equal(sentence, CpuConv2d.RefusalOf(name, d));
    }

    [Fact]
    public void The_choice_does_not_depend_on_the_batch()
    {
        Conv2dCase one = new(1, 6, 6, 64, 48, 3, 1, Padding.All(1));
        Assert.All(
            CpuConv2d.Names,
            name => Assert.Equal(CpuConv2d.RefusalOf(name, Dims(one)), CpuConv2d.RefusalOf(name, Dims(one, 5))));
        static Conv2dDims Dims(Conv2dCase c, int batch = 1) =>
            new(batch, c.Height, c.Width, c.In, c.Out, c.Kernel, c.Stride, c.Padding, c.Activation);
    }

    [Fact]
    public void A_pinned_implementation_is_refused_only_what_it_cannot_do()
    {
        Conv2dDims tiny = new(1, 1, 1, 1, 1, 3, 1, Padding.All(1), Activation.None);
        Assert.All(CpuConv2d.Names, name => Assert.Null(CpuConv2d.RefusalOf(name, tiny, pinned: true)));
        Assert.Equal(
            "the kernel is 5x5, not 3x3", CpuConv2d.RefusalOf("winograd4", tiny with { Kernel = 5 }, pinned: true));
    }

    private static Device Forcing(string list, int threads) =>
        new(new CpuBackend(threads, ForcedImplementations.Parse(list)));
}
