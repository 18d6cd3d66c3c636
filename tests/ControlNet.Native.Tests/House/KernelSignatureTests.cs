using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tensors.Gpu;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.House;

/// <summary>
/// Every launch against the parameters its kernel declares, without a device: a driver finds a missing argument only
/// when the kernel runs, and one of another type not at all.
/// </summary>
public sealed class KernelSignatureTests
{
    [Fact]
    public void Launches_give_kernels_what_they_take()
    {
        Dictionary<(string, string), KernelSignature> signatures =
            KernelSignature.All().ToDictionary(s => (s.File, s.Entry));
        SortedSet<string> found = new(StringComparer.Ordinal);
        foreach ((KernelVariant kernel, string arguments) in Launches())
        {
            if (!signatures.TryGetValue((kernel.File, kernel.Entry), out KernelSignature? signature))
            {
                found.Add($"kernels/{kernel.File}.c has no kernel {kernel.Entry}");
            }
            else if (signature.Parameters != arguments || signature.Block != kernel.Block)
            {
                found.Add(
                    $"{kernel.Entry} takes {signature.Parameters} in blocks of {signature.Block}, is given " +
                    $"{arguments} in blocks of {kernel.Block}");
            }
        }

        Assert.True(found.Count == 0, string.Join(Environment.NewLine, found));
    }

    [Fact]
    public void Every_kernel_is_launched()
    {
        string[] launched = [.. Launches().Select(launch => launch.Kernel.Entry).Distinct()];
        Assert.Empty(KernelSignature.All().Select(signature => signature.Entry).Except(launched));
    }

    /// <summary>Sizes are such that each way a launcher can choose is taken.</summary>
    private static List<(KernelVariant Kernel, string Arguments)> Launches() =>
        [.. Launches(compute: 0), .. Launches(compute: 80), .. Launches(compute: 90)];

    private static List<(KernelVariant Kernel, string Arguments)> Launches(int compute)
    {
        using CountingGpu gpu = new(1L << 40, compute: compute);
        using GpuMemory memory = new(gpu);
        GpuLauncher launcher = new(gpu, memory);
        BufferView b = launcher.Scratch(DType.F32, 1 << 16, out MemoryBlock block);
        using (block)
        {
            Pointwise(new GpuPointwise(launcher), b);
            Movement(new GpuMovement(launcher), b);
            Reduce(new GpuReduce(launcher), b);
            Products(launcher, b);
            GroupNorm(new GpuGroupNorm(launcher), b);
            Attention(new GpuAttention(launcher), b);
            Halves(launcher, b);
            AdamWDims step = AdamWDims.Infer(
                new Shape(5), new Shape(5), new Shape(5), new Shape(5), 1, new AdamWSettings());
            new GpuAdamW(launcher).Step(step, b, b, b, b);
        }

        Assert.Equal(0, memory.BlocksInUse);
        return [.. gpu.Launched.Select(launch => (launch.Kernel, KernelSignature.Kinds(launch.Arguments)))];
    }

    private static void Pointwise(IPointwiseKernels kernels, BufferView b)
    {
        kernels.Activate(Activation.Silu, b, b);
        kernels.Binary(
            BinaryOperation.Add, BroadcastDims.Infer("Add", new Shape(2, 3), new Shape(3), out _), b, b, b);
        kernels.LinearCombination([1, 2], [b, b], b);
        kernels.Geglu(3, 5, b, b);
        kernels.Cast(b, b);
        kernels.ActivateBackward(Activation.Silu, b, b, b);
        kernels.GegluBackward(3, 5, b, b, b);
        kernels.SquaredErrorBackward(1, b, b, b, b, BufferView.None);
        kernels.MovingAverage(0.5f, b, b);
    }

    private static void Movement(IMovementKernels kernels, BufferView b)
    {
        UpsampleDims upsample = new(1, 2, 3, 4, 4, 6);
        CopyRowsDims rows = new(2, 3, 0, 4, 0, 5);
        kernels.Permute(PermuteDims.Infer(new Shape(2, 3, 4), [1, 0, 2], out _), b, b);
        kernels.Permute(PermuteDims.Infer(new Shape(2, 3, 4), [0, 2, 1], out _), b, b);
        kernels.CopyRows(rows, b, b);
        kernels.UpsampleNearest(upsample, b, b);
        kernels.GatherRows(4, b, b, b);
        kernels.CopyRowsBackward(rows, b, b);
        kernels.UpsampleNearestBackward(upsample, b, b);
        kernels.GatherRowsBackward(4, b, b, b);
    }

    private static void Reduce(IReduceKernels kernels, BufferView b)
    {
        AxisDims axis = new(2, 3, 4), longAxis = new(1, 20_000, 1);
        kernels.Sum(axis, 1, b, b);
        kernels.Sum(longAxis, 1, b, b);
        kernels.Softmax(axis, b, b);
        kernels.SumBackward(axis, 1, b, b);
        kernels.SoftmaxBackward(axis, b, b, b);
        kernels.SumTo(SumToDims.Infer("Add", new Shape(2, 3, 4), new Shape(3, 1)), 1, b, b);
        kernels.SumTo(SumToDims.Infer("Add", new Shape(3), new Shape(3)), 1, b, b);
        kernels.SquaredError(1, b, b, b);
        kernels.Norm(b, b);
    }

    /// <summary>Products and convolutions whose sums are short, and some that are cut into parts.</summary>
    private static void Products(GpuLauncher launcher, BufferView b)
    {
        GpuMatMul matmul = new(launcher);
        LinearDims linear = new(3, 4, 5, Activation.None), deep = new(4096, 4096, 5, Activation.Silu);
        matmul.Pack(5, 4, b, b);
        matmul.PackGradient(5, 4, b, b);
        matmul.Linear(linear, b, b, b, BufferView.None, b);
        matmul.Linear(deep with { Rows = 3 }, b, b, b, b, b);
        matmul.LinearDataGradient(linear, b, b, BufferView.None, b);
        matmul.LinearWeightGradient(deep with { In = 4 }, b, b, accumulate: true, b);
        matmul.Product(MatMulDims.Infer(new Shape(3, 4), new Shape(4, 5), false, false, 1, out _), b, b, b);

        GpuConv2d conv2d = new(launcher);
        conv2d.Pack(5, 4, 3, b, b);
        conv2d.PackGradient(5, 4, 3, 2, b, b);
        foreach (Shape x in (Shape[])[new(1, 6, 7, 4), new(2, 40, 40, 320)])
        {
            foreach (int stride in (int[])[1, 2])
            {
                Conv2dDims d = Conv2dDims.Infer(
                    x, new Shape(5, x[3], 3, 3), null, null, null, stride, Padding.All(1), Activation.None, out _);
                conv2d.Forward(d, b, b, b, BufferView.None, b, b);
                conv2d.DataGradient(d, b, b, BufferView.None, b);
                conv2d.WeightGradient(d, b, b, accumulate: false, b);
            }
        }
    }

    /// <summary>What inference launches on activations in F16.</summary>
    private static void Halves(GpuLauncher launcher, BufferView b)
    {
        BufferView h = launcher.Scratch(DType.F16, 1 << 16, out MemoryBlock block);
        using (block)
        {
            GpuPointwise pointwise = new(launcher);
            pointwise.Activate(Activation.Silu, h, h);
            pointwise.Binary(
                BinaryOperation.Add, BroadcastDims.Infer("Add", new Shape(2, 3), new Shape(3), out _), h, h, h);
            pointwise.LinearCombination([1, 2], [h, h], h);
            pointwise.Geglu(3, 5, h, h);
            GpuMovement movement = new(launcher);
            movement.Permute(PermuteDims.Infer(new Shape(2, 3, 4), [1, 0, 2], out _), h, h);
            movement.Permute(PermuteDims.Infer(new Shape(2, 3, 4), [0, 2, 1], out _), h, h);
            movement.UpsampleNearest(new UpsampleDims(1, 2, 3, 4, 4, 6), h, h);
            GpuReduce reduce = new(launcher);
            reduce.Sum(new AxisDims(2, 3, 4), 1, h, h);
            reduce.Sum(new AxisDims(1, 20_000, 1), 1, h, h);
            reduce.Softmax(new AxisDims(2, 3, 4), h, h);
            GroupNormDims image = new(2, 40, 8, 2, 1e-5f, Activation.Silu);
            GpuGroupNorm norm = new(launcher);
            norm.Forward(image, h, b, b, h);
            norm.Forward(image with { Spatial = 1, Groups = 1 }, h, b, b, h);
            foreach (int outputs in (int[])[5, 80])
            {
                new GpuMatMul(launcher).Linear(new LinearDims(3, 8, outputs, Activation.None), h, h, b, h, h);
                Conv2dDims d = Conv2dDims.Infer(
                    new Shape(1, 40, 40, 320), new Shape(outputs, 320, 3, 3), null, null, null, 1, Padding.All(1),
                    Activation.None, out _);
                new GpuConv2d(launcher).Forward(d, h, h, b, b, h, h);
            }

            foreach (int width in (int[])[40, 160])
            {
                AttentionDims d = AttentionDims.Infer(
                    new Shape(1, 9, width), new Shape(1, 7, width), new Shape(1, 7, width), 1, null, false);
                new GpuAttention(launcher).Forward(d, h, h, h, h, BufferView.None);
            }
        }
    }

    private static void GroupNorm(IGroupNormKernels kernels, BufferView b)
    {
        GroupNormDims image = new(2, 40, 8, 2, 1e-5f, Activation.Silu);
        foreach (GroupNormDims d in (GroupNormDims[])[image, image with { Spatial = 1, Groups = 1 }])
        {
            kernels.Forward(d, b, b, b, b);
            kernels.Backward(d, b, b, b, b, b, b, b);
        }
    }

    private static void Attention(IAttentionKernels kernels, BufferView b)
    {
        foreach (int width in (int[])[40, 80, 160, 512])
        {
            AttentionDims d = AttentionDims.Infer(
                new Shape(1, 9, 2 * width), new Shape(1, 7, 2 * width), new Shape(1, 7, 2 * width), 2, null, false);
            kernels.Forward(d, b, b, b, b, b);
            kernels.Forward(d, b, b, b, b, BufferView.None);
            kernels.Backward(d, b, b, b, b, b, b, b, b, b);
        }
    }
}
