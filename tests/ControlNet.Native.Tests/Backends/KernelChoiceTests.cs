using System;
using System.Linq;
using System.Text;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tensors.Gpu;
using ControlNet.Native.Tensors.Gpu.Cuda;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Backends;

/// <summary>Which kernel a call gets, by device, types, dims and alignment. No device is needed.</summary>
public sealed class KernelChoiceTests
{
    [Theory]
    [InlineData(0, "matmul")]
    [InlineData(70, "matmul")]
    [InlineData(75, "nv/matmul_mma")]
    [InlineData(89, "nv/matmul_mma")]
    [InlineData(90, "nv/matmul_wgmma")]
    [InlineData(100, "nv/matmul_mma")]
    [InlineData(120, "nv/matmul_mma")]
    public void Linear_layers_of_halves_go_to_tensor_cores(int compute, string file) =>
        Assert.Equal(file, Linear(compute, DType.F16, 40, 0).File);

    [Fact]
    public void What_the_predicates_refuse_has_the_dialects_kernel()
    {
        Assert.Equal("matmul", Linear(80, DType.F32, 40, 0).File);
        Assert.Equal("matmul", Linear(80, DType.F16, 36, 0).File);
        Assert.Equal("matmul", Linear(80, DType.F16, 40, 4).File);
        Assert.Equal("nv/matmul_mma", Linear(80, DType.F16, 40, 8).File);
        Assert.Equal("matmul", Linear(80, DType.F16, 40, 0, KernelKind.Portable).File);
        Assert.Equal("conv2d", Convolution(80, channels: 4).File);
        Assert.Equal("nv/conv2d_mma", Convolution(80, channels: 8).File);
        Assert.Equal("conv2d", Convolution(60, channels: 8).File);
        Assert.Equal("nv/matmul_mma", Product(transposeB: true).File);
        Assert.Equal("matmul", Product(transposeB: false).File);
    }

    [Fact]
    public void Hopper_has_its_own_kernels_where_it_can_make_tensor_maps()
    {
        Assert.Equal("nv/conv2d_wgmma", Convolution(90, channels: 8).File);
        Assert.Equal("nv/matmul_wgmma", Product(transposeB: true, compute: 90).File);
        Assert.Equal("matmul", Linear(90, DType.F16, 36, 0).File);
        Assert.Equal("matmul", Linear(90, DType.F16, 40, 4).File);
        Assert.Equal("nv/matmul_mma", Linear(90, DType.F16, 40, 0, KernelKind.Mma).File);
        Assert.Equal("nv/attention_mma", Attention(90, 40, 1f, sums: false).File);
        Assert.Equal("nv/conv2d_wgmma", Convolution(90, channels: 8, padding: 128).File);
        Assert.Equal("nv/conv2d_mma", Convolution(90, channels: 8, padding: 129).File);
        Assert.Equal("nv/conv2d_wgmma", Convolution(90, channels: 8, stride: 8).File);
        Assert.Equal("nv/conv2d_mma", Convolution(90, channels: 8, stride: 9).File);
        Assert.Equal(KernelKind.Mma, KernelKinds.Best(Limits(90) with { HasTensorMaps = false }, "cuda:0", null));
    }

    /// <summary>Layers of Stable Diffusion 1.5 at 512 x 512, guidance on, on 132 multiprocessors.</summary>
    [Theory]
    [InlineData(8192, 320, 160)]
    [InlineData(8192, 2560, 256)]
    [InlineData(2048, 640, 128)]
    [InlineData(512, 1280, 64)]
    public void Hopper_takes_the_tile_that_is_through_first(int rows, int columns, int tile)
    {
        KernelVariant[] variants = WgmmaTiles.Variants("nv/matmul_wgmma", "matmul_wgmma");
        KernelLaunch found = WgmmaTiles.Choose(variants, rows, columns, results: 1, units: 132);
        Assert.Equal(($"COLUMNS={tile}", tile), (found.Kernel.Defines, found.Tile.Columns));
        Assert.InRange(found.Kernel.DynamicBytes, 48 << 10, 227 << 10);
    }

    [Theory]
    [InlineData(8, "nv/attention_mma WIDTH=40")]
    [InlineData(40, "nv/attention_mma WIDTH=40")]
    [InlineData(64, "nv/attention_mma WIDTH=64")]
    [InlineData(72, "nv/attention_mma WIDTH=80")]
    [InlineData(160, "nv/attention_mma WIDTH=160")]
    [InlineData(168, "attention ACT=1 CHUNKS=4")]
    [InlineData(36, "attention ACT=1 CHUNKS=1")]
    public void Attention_goes_to_the_narrowest_variant(int width, string module) =>
        Assert.Equal(module, Attention(80, width, 1f, sums: false).Module);

    [Fact]
    public void Attention_that_the_kernel_cannot_has_the_dialects()
    {
        Assert.Equal("attention", Attention(75, 40, 1f, sums: false).File);
        Assert.Equal("attention", Attention(80, 40, 0f, sums: false).File);
        Assert.Equal("attention", Attention(80, 40, 1f, sums: true).File);
    }

    /// <summary>Blocks of 108 multiprocessors: layers of Stable Diffusion 1.5, and what is small.</summary>
    [Theory]
    [InlineData(8192, 320, 1, "ROWS=128 COLUMNS=128")]
    [InlineData(2, 1280, 1, "ROWS=64 COLUMNS=64")]
    [InlineData(2048, 640, 1, "ROWS=128 COLUMNS=64")]
    [InlineData(2048, 1280, 1, "ROWS=128 COLUMNS=128")]
    public void A_tile_is_chosen_by_the_rounds_it_takes(int rows, int columns, int results, string defines)
    {
        KernelVariant[] variants = MmaTiles.Variants("nv/matmul_mma", "matmul_mma");
        Assert.Equal(defines, MmaTiles.Choose(variants, rows, columns, results, units: 108).Kernel.Defines);
    }

    [Fact]
    public void Every_tile_is_chosen_for_some_size_and_covers_it()
    {
        KernelVariant[] variants = MmaTiles.Variants("nv/matmul_mma", "matmul_mma");
        (int, int)[] sizes = [(8192, 320), (8192, 640), (2048, 640), (2, 1280), (512, 1280), (300, 80), (4096, 4096)];
        KernelLaunch[] found =
        [
            .. from size in sizes
               from units in (int[])[1, 4, 28, 108, 132]
               select MmaTiles.Choose(variants, size.Item1, size.Item2, 1, units),
        ];
        Assert.Equal(variants.Length, found.Select(launch => launch.Kernel).Distinct().Count());
        Assert.Equal(0, MmaTiles.Choose(variants, 0, 320, 1, 108).Grid.X);
    }

    [Theory]
    [InlineData(75, ".target sm_75")]
    [InlineData(79, ".target sm_75")]
    [InlineData(80, ".target sm_80")]
    [InlineData(90, ".target sm_80")]
    [InlineData(120, ".target sm_80")]
    public void A_device_gets_the_newest_ptx_it_runs(int compute, string target)
    {
        KernelVariant kernel = MmaTiles.Variants("nv/matmul_mma", "matmul_mma")[0];
        string ptx = Encoding.UTF8.GetString(KernelSource.Ptx(kernel, compute)!);
        Assert.Contains($"{target}\n", ptx, StringComparison.Ordinal);
    }

    [Fact]
    public void Targets_with_an_a_run_on_their_own_device_alone()
    {
        PtxTarget hopper = new("sm_90a", 90, IsExact: true), ampere = new("sm_80", 80, IsExact: false);
        Assert.Equal((bool[])[false, true, false], (bool[])[hopper.RunsOn(89), hopper.RunsOn(90), hopper.RunsOn(100)]);
        Assert.Equal((bool[])[false, true, true], (bool[])[ampere.RunsOn(75), ampere.RunsOn(80), ampere.RunsOn(100)]);
        KernelVariant wgmma = WgmmaTiles.Variants("nv/matmul_wgmma", "matmul_wgmma")[0];
        Assert.Contains(
            ".target sm_90a\n", Encoding.UTF8.GetString(KernelSource.Ptx(wgmma, 90)!), StringComparison.Ordinal);
        Assert.Null(KernelSource.Ptx(wgmma, 89));
        Assert.Null(KernelSource.Ptx(wgmma, 100));
        Assert.Null(KernelSource.Ptx(MmaTiles.Variants("nv/matmul_mma", "matmul_mma")[0], 70));
    }

    [Fact]
    public void A_wish_is_a_word_that_the_device_can()
    {
        GpuLimits pascal = Limits(61), ampere = Limits(86), openCl = Limits(0);
        Assert.Equal(KernelKind.Mma, KernelKinds.Best(ampere, "cuda:0", null));
        Assert.Equal(KernelKind.Mma, KernelKinds.Best(ampere, "cuda:0", "MMA"));
        Assert.Equal(KernelKind.Portable, KernelKinds.Best(ampere, "cuda:0", "portable"));
        Assert.Equal(KernelKind.Portable, KernelKinds.Best(pascal, "cuda:0", null));
        Assert.Equal(
            "CONTROLNET_KERNELS is 'mma', which 'cuda:0' cannot: it needs an NVIDIA GPU of compute capability 7.5 or " +
            "more through CUDA, this one has 6.1; leave it unset or say 'portable'",
            Assert.Throws<DeviceException>(() => KernelKinds.Best(pascal, "cuda:0", "mma")).Message);
        Assert.Equal(
            "CONTROLNET_KERNELS is 'mma', which 'opencl:0' cannot: it needs an NVIDIA GPU of compute capability 7.5 " +
            "or more through CUDA, this one is none; leave it unset or say 'portable'",
            Assert.Throws<DeviceException>(() => KernelKinds.Best(openCl, "opencl:0", "mma")).Message);
        Assert.Equal(
            "CONTROLNET_KERNELS is 'fast'; it can be 'portable', 'mma' or 'wgmma', or unset for the best",
            Assert.Throws<DeviceException>(() => KernelKinds.Best(ampere, "cuda:0", "fast")).Message);
    }

    [Fact]
    public void Wgmma_is_for_one_compute_capability_and_newer_drivers()
    {
        GpuLimits ampere = Limits(86), hopper = Limits(90), blackwell = Limits(100);
        Assert.Equal(KernelKind.Wgmma, KernelKinds.Best(hopper, "cuda:0", null));
        Assert.Equal(KernelKind.Wgmma, KernelKinds.Best(hopper, "cuda:0", "wgmma"));
        Assert.Equal(KernelKind.Mma, KernelKinds.Best(hopper, "cuda:0", "mma"));
        Assert.Equal(KernelKind.Mma, KernelKinds.Best(blackwell, "cuda:0", null));
        foreach ((GpuLimits limits, string has) in ((GpuLimits, string)[])[
            (ampere, "8.6"), (blackwell, "10.0"), (hopper with { HasTensorMaps = false }, "9.0 and an older driver")])
        {
            Assert.Equal(
                "CONTROLNET_KERNELS is 'wgmma', which 'cuda:0' cannot: it needs an NVIDIA GPU of compute capability " +
                $"9.0 and no other, through CUDA 12.0 or later, this one has {has}; leave it unset or say 'mma'",
                Assert.Throws<DeviceException>(() => KernelKinds.Best(limits, "cuda:0", "wgmma")).Message);
        }
    }

    private static GpuLimits Limits(int compute) =>
        new(256, 48 << 10, 1, 1 << 30, 1 << 30, IsCpu: false, Compute: compute, HasTensorMaps: compute >= 75);

    private static KernelVariant Linear(
        int compute, DType type, int depth, int offset, KernelKind? kind = null) =>
        Launched(compute, kind, (launcher, floats, halves) =>
        {
            BufferView all = type == DType.F16 ? halves : floats;
            BufferView x = new(all.Block, type, offset, all.Count - offset);
            new GpuMatMul(launcher).Linear(new LinearDims(3, depth, 5, Activation.None), x, all, floats, all, all);
        });

    private static KernelVariant Product(bool transposeB, int compute = 80) =>
        Launched(compute, null, (launcher, floats, halves) =>
        {
            Shape b = transposeB ? new Shape(16, 24) : new Shape(24, 16);
            new GpuMatMul(launcher).Product(
                MatMulDims.Infer(new Shape(8, 24), b, false, transposeB, 1, out _), halves, halves, halves);
        });

    private static KernelVariant Convolution(int compute, int channels, int padding = 1, int stride = 1) =>
        Launched(compute, null, (launcher, floats, halves) =>
        {
            Conv2dDims d = Conv2dDims.Infer(
                new Shape(1, 6, 6, channels), new Shape(5, channels, 3, 3), null, null, null, stride,
                Padding.All(padding), Activation.None, out _);
            new GpuConv2d(launcher).Forward(d, halves, halves, floats, floats, halves, halves);
        });

    private static KernelVariant Attention(int compute, int width, float scale, bool sums) =>
        Launched(compute, null, (launcher, floats, halves) =>
        {
            Shape tokens = new(1, 9, width);
            AttentionDims d = AttentionDims.Infer(tokens, tokens, tokens, 1, scale, false);
            new GpuAttention(launcher).Forward(
                d, halves, halves, halves, halves, sums ? floats : BufferView.None);
        });

    private delegate void Call(GpuLauncher launcher, BufferView floats, BufferView halves);

    private static KernelVariant Launched(int compute, KernelKind? kind, Call call)
    {
        using CountingGpu gpu = new(1L << 40, compute: compute);
        using GpuMemory memory = new(gpu);
        GpuLauncher launcher = new(gpu, memory, kernels: kind ?? KernelKinds.Best(gpu.Limits, gpu.Name, null));
        BufferView floats = launcher.Scratch(DType.F32, 1 << 16, out MemoryBlock first);
        BufferView halves = launcher.Scratch(DType.F16, 1 << 16, out MemoryBlock second);
        using (first)
        {
            using (second)
            {
                call(launcher, floats, halves);
            }
        }

        return Assert.Single(gpu.Launched).Kernel;
    }
}
