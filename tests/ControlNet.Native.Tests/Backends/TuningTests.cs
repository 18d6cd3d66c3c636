using System;
using System.IO;
using System.Linq;
using System.Threading;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Gpu;
using ControlNet.Native.Tensors.Gpu.Tuning;
using ControlNet.Native.Tests.Support;
using Xunit;
using Xunit.Abstractions;

namespace ControlNet.Native.Tests.Backends;

/// <summary>What tuning finds reaches launches, and changes no bit.</summary>
[Collection(OpenClUnderTest.Collection)]
public sealed class TuningTests(ITestOutputHelper output)
{
    [Fact]
    public void Every_tile_of_the_menu_fits_every_device()
    {
        Assert.All((TileShape[])[TileShape.Usual, .. TileShape.Others], tile =>
        {
            Assert.InRange(tile.Block.Count, 1, 256);
            Assert.InRange(tile.LocalBytes, 1, 32 << 10);
            Assert.Equal(
                (0, 0, 0, 0),
                (tile.Rows % (4 * tile.Side), tile.Columns % (4 * tile.Side), 256 % tile.Depth,
                    tile.Block.Count % tile.Depth));
            Assert.Equal(tile, TileShape.Named(tile.ToString()));
        });
        Assert.DoesNotContain(TileShape.Usual, TileShape.Others);
        Assert.Null(TileShape.Named("64x64"));
    }

    [Fact]
    public void Each_level_of_a_unet_has_its_products()
    {
        foreach (DType activations in (DType[])[DType.F32, DType.F16])
        {
            foreach (string file in (string[])[TuningCase.Conv2d, TuningCase.MatMul])
            {
                Assert.Equal(
                    Enum.GetValues<TileLevel>(),
                    TuningCase.All.Where(c => c.File == file && c.Activations == activations).Select(c => c.Level));
            }
        }
    }

    [Fact]
    public void A_report_is_the_same_from_the_disk_and_a_damaged_one_is_none()
    {
        TuningReport report = Report();
        byte[] bytes = report.ToBytes();
        TuningReport read = TuningReport.FromBytes("opencl:7", "a device", bytes)!;
        Assert.Equal(("opencl:7", "a device", false), (read.DeviceName, read.Description, read.IsComplete));
        Assert.Equal(bytes, read.ToBytes());
        string text = System.Text.Encoding.UTF8.GetString(bytes);
        string[] damaged =
        [
            "", text.Replace("tuning 1", "tuning 0"), text.Replace("cut short", "whole"),
            text.Replace("128x64", "128x65"), text.Replace("\t0.5", "\tfast"), text.Replace("\t0\t", "\t9\t"),
            text[..^40],
        ];
        Assert.All(damaged, content => Assert.Null(
            TuningReport.FromBytes("opencl:7", "a device", System.Text.Encoding.UTF8.GetBytes(content))));
    }

    [Fact]
    public void A_table_has_the_tiles_of_a_report_and_the_usual_ones_beside()
    {
        TileTable table = Report().Table(rolled: false);
        Assert.Equal(2, table.Count);
        KernelVariant f32 = Variant(DType.F32, 64), f16 = Variant(DType.F16, 64), bf16 = Variant(DType.BF16, 64);
        GpuTile tuned = table.For(f16, 4096, 320);
        Assert.Equal(
            ("conv2d WEIGHT=1 ROWS=128 COLUMNS=64 SIDE=16 DEPTH=16", new GridSize(16, 16), "conv2d"),
            (tuned.Kernel.Module, tuned.Kernel.Block, tuned.Kernel.Entry));
        Assert.Equal(new GridSize(32 * 5 * 2), tuned.Grid(4096, 320, 2));
        Assert.Equal(f32, table.For(f32, 1024, 320).Kernel);
        Assert.Equal(bf16, table.For(bf16, 4096, 320).Kernel);
        Assert.Equal(new GpuTile(Variant(DType.F32, 3), 64, 16), table.For(Variant(DType.F32, 3), 4096, 3));
        Assert.EndsWith(" ROLLED=1", Report().Table(rolled: true).For(f32, 4096, 64).Kernel.Defines);
    }

    [Fact]
    public void A_device_without_a_compiler_has_nothing_to_tune()
    {
        using ScratchFolder folder = new();
        using Device gpu = new(new GpuBackend(new CountingGpu(1L << 30)));
        using Device cpu = Devices.Cpu(1);
        foreach (Device device in (Device[])[gpu, cpu])
        {
            TuningReport report = Devices.TuneKeptIn(
                new KernelCache(folder.Root), device, TimeSpan.FromMinutes(1), null, CancellationToken.None);
            Assert.Equal((0, true, false), (report.Results.Count, report.IsComplete, Devices.CanTune(device)));
            Assert.Null(Devices.FindTuning(device));
        }

        Assert.Empty(Directory.GetFiles(folder.Root));
        Assert.Throws<ArgumentOutOfRangeException>(() => Devices.Tune(cpu, TimeSpan.Zero));
    }

    /// <summary>The budget ends it after the first case; what it found is kept and used by the next device.</summary>
    [Fact]
    public void OpenCl_is_tuned_within_a_tiny_budget()
    {
        if (OpenClUnderTest.Find(output) is not { } found)
        {
            return;
        }

        using ScratchFolder folder = new();
        KernelCache cache = new(folder.Root);
        using Device device = new(new GpuBackend(found.Open(GpuOptions.Default)));
        Assert.Throws<OperationCanceledException>(() => Devices.TuneKeptIn(
            cache, device, TimeSpan.FromMinutes(1), null, new CancellationToken(canceled: true)));
        Assert.Empty(Directory.GetFiles(folder.Root));
        TuningReport report = Devices.TuneKeptIn(
            cache, device, TimeSpan.FromMilliseconds(1), null, CancellationToken.None);
        TuningResult result = Assert.Single(report.Results);
        output.WriteLine($"{result.Operation}: {result.UsualMs:0.0} ms");
        Assert.Equal((true, false), (result.IsUsual, report.IsComplete));
        Assert.True(result.UsualMs > 0);
        Assert.Equal((0, 0), (device.BlocksInUse, device.BytesInUse));
        string kept = Assert.Single(Directory.GetFiles(folder.Root));

        GpuBackend backend = (GpuBackend)device.Backend;
        cache.Keep(Path.GetFileNameWithoutExtension(kept), Report().ToBytes());
        Devices.UseTuning(cache, backend);
        Assert.Equal(2, backend.Tiles.Count);
        File.WriteAllText(kept, "damaged");
        backend.Tiles = TileTable.Usual;
        Devices.UseTuning(cache, backend);
        Assert.Equal(0, backend.Tiles.Count);
    }

    /// <summary>
    /// Every tile, with one type of weights after the other, on products with edges and on sums that are split: what an
    /// image is must not depend on what was found fastest.
    /// </summary>
    [Fact]
    public void No_tile_changes_a_bit()
    {
        if (OpenClUnderTest.Find(output) is not { } found)
        {
            return;
        }

        GpuBackend backend = new(found.Open(GpuOptions.Default));
        using Device device = new(backend);
        using GpuTileBench bench = new(backend);
        foreach (TuningCase of in TuningCase.All.Where(of => of.Level == TileLevel.Small))
        {
            TuningCase small = of with { Side = 5, In = 300, Out = 130 };
            DType[] storages = [of.Storage, .. of.OtherStorages];
            for (int i = 0; i < TileShape.Others.Count; i += 4 - storages.Length)
            {
                Assert.Null(bench.Check(small, TileShape.Others[i], storages[i % storages.Length]));
            }
        }
    }

    private static KernelVariant Variant(DType storage, int columns) =>
        GpuTiles.Choose(GpuTiles.Variants("conv2d", "conv2d"), DType.F32, storage, columns);

    private static TuningReport Report() => new(
        "opencl:7", "a device",
        [
            new TuningResult(
                "a convolution", 1, 0.5, TileLevel.Large, TileShape.Others[0],
                ["conv2d WEIGHT=0 COLUMNS=64", "conv2d WEIGHT=1 COLUMNS=64"]),
            new TuningResult(
                "a linear layer", 0.25, 0.25, TileLevel.Small, TileShape.Usual, ["matmul WEIGHT=0 COLUMNS=64"]),
        ],
        [], isComplete: false);
}
