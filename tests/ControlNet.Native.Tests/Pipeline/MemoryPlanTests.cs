using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;
using Xunit;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>What is planned is what is taken, and the fastest way that fits is chosen.</summary>
public sealed class MemoryPlanTests : IDisposable
{
    private readonly Device _device = Devices.Cpu(2);

    public void Dispose()
    {
        Assert.Equal((0L, 0L), (_device.BlocksInUse, _device.BytesInUse));
        _device.Dispose();
    }

    [Theory]
    [InlineData(64, 64, 0)]
    [InlineData(192, 128, 1)]
    [InlineData(128, 128, 3)]
    public void The_estimate_is_what_a_generation_takes(int width, int height, int controls)
    {
        ImageRequest request = TinyPipeline.Request with { Width = width, Height = height };
        using StableDiffusion model = TinyPipeline.Load(_device);
        using ControlNetModel? canny = controls > 0 ? TinyPipeline.LoadNet(_device) : null;
        using ControlNetModel? depth = controls > 1 ? TinyPipeline.LoadNet(_device, TinyPipeline.Depth) : null;
        ControlInput control = new() { Net = canny!, Image = TinyPipeline.Hint(50, 40) };

        // Of three steps the second one is within the window of the second control, of two none.
        ControlInput[] all =
        [
            control, control with { Net = depth!, Start = 0.3, End = 0.7 },
            control with { Mode = ControlMode.Guess, Mask = ControlMask.FromFloats([0, 1], 2, 1) },
        ];
        request = request with { Controls = all[..controls] };
        long weightBytes = model.WeightBytes + (canny?.ParameterBytes ?? 0) + (depth?.ParameterBytes ?? 0);
        MemoryEstimate estimate = model.EstimateMemory(request);
        Assert.Equal(weightBytes, estimate.WeightBytes);
        (long blocks, long bytes) = (_device.BlocksInUse, _device.BytesInUse);
        _ = model.Generate(request);
        canny?.ForgetHints();
        depth?.ForgetHints();
        Assert.Equal((blocks, bytes), (_device.BlocksInUse, _device.BytesInUse));
        Assert.InRange(
            _device.PeakBytesInUse, estimate.PeakBytesInUse * 9 / 10, estimate.PeakBytesInUse * 11 / 10);
        Assert.InRange(_device.PeakBytes, estimate.PeakBytes * 9 / 10, estimate.PeakBytes * 11 / 10);
    }

    [Fact]
    public void An_estimate_draws_no_noise_and_changes_nothing()
    {
        using StableDiffusion model = TinyPipeline.Load(_device);
        ImageRequest request = TinyPipeline.Request with
        {
            NoiseSource = new NoiseThat(_ => throw new InvalidOperationException("noise was drawn")),
        };
        (long blocks, long bytes) = (_device.BlocksInUse, _device.BytesInUse);
        _ = model.EstimateMemory(request);
        Assert.Equal((blocks, bytes), (_device.BlocksInUse, _device.BytesInUse));
    }

    [Fact]
    public void The_fastest_way_that_fits_is_chosen()
    {
        List<MemoryPlan> ways = [.. MemoryPlan.Ways(_device, new LoadOptions(), Rehearse)];
        Assert.Equal(
            from storage in (DType?[])[null, DType.F16]
            from growth in (WeightGrowth?[])[WeightGrowth.Full, WeightGrowth.Moderate, WeightGrowth.None]
            from tiled in (bool?[])[false, true]
            select (storage, growth, tiled),
            ways.Select(way => (way.Options.WeightStorage, way.Options.WeightGrowth, way.Options.TileVae)));
        Assert.Equal(ways[0], MemoryPlan.Choose(_device, new LoadOptions(), long.MaxValue, Rehearse));
        long smallest = ways.Min(way => way.PeakBytes);
        MemoryPlan tight = MemoryPlan.Choose(_device, new LoadOptions(), smallest, Rehearse);
        Assert.Equal(ways.First(way => way.PeakBytes == smallest), tight);
        MemoryBudgetException refused = Assert.Throws<MemoryBudgetException>(
            () => MemoryPlan.Choose(_device, new LoadOptions(), smallest - 1, Rehearse));
        Assert.StartsWith($"the work takes at least {smallest} bytes (", refused.Message, StringComparison.Ordinal);
        Assert.Contains($"but {smallest - 1} (", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_caller_set_is_kept()
    {
        LoadOptions options = new() { WeightStorage = DType.BF16, WeightGrowth = WeightGrowth.None, TileVae = true };
        MemoryPlan only = Assert.Single(MemoryPlan.Ways(_device, options, Rehearse));
        Assert.Equal(options, only.Options);
    }

    [Fact]
    public void Pictures_in_bands_are_chosen_where_whole_ones_do_not_fit_and_are_what_is_planned()
    {
        ImageRequest request = TinyPipeline.Request with
        {
            Width = 1280,
            Height = 1280,
            Steps = 2,
            InitialImage = TinyPipeline.Hint(64, 64),
            Strength = 1,
        };
        LoadOptions options = new() { WeightStorage = DType.F32, WeightGrowth = WeightGrowth.None };
        void Work(Device device, LoadOptions way)
        {
            using StableDiffusion model =
                StableDiffusion.Load(TinyPipeline.ModelPath(TinyPipeline.Sd1), device, way);
            _ = model.Generate(request);
        }

        MemoryPlan[] ways = [.. MemoryPlan.Ways(_device, options, Work)];
        Assert.Equal([false, true], ways.Select(way => way.Options.TileVae));
        Assert.True(ways[1].PeakBytes < ways[0].PeakBytes, string.Join("; ", ways.Select(way => way.ToString())));
        Assert.EndsWith(", pictures in bands", ways[1].ToString(), StringComparison.Ordinal);
        Assert.Equal(ways[1], MemoryPlan.Choose(_device, options, ways[0].PeakBytes - 1, Work));
        Assert.Equal(ways[0], MemoryPlan.Choose(_device, options, ways[0].PeakBytes, Work));

        request = request with { Width = 256, Height = 256 };
        using StableDiffusion bands =
            StableDiffusion.Load(TinyPipeline.ModelPath(TinyPipeline.Sd1), _device, ways[1].Options);
        using StableDiffusion whole = TinyPipeline.Load(_device);
        MemoryEstimate estimate = bands.EstimateMemory(request);
        Assert.True(estimate.PeakBytesInUse < whole.EstimateMemory(request).PeakBytesInUse);
        GeneratedImage image = bands.Generate(request);
        Assert.InRange(
            _device.PeakBytesInUse, estimate.PeakBytesInUse * 9 / 10,
            (estimate.PeakBytesInUse + whole.WeightBytes) * 11 / 10);
        GeneratedImage other = whole.Generate(request);
        Assert.All(
            image.Decoded.ToArray().Zip(other.Decoded.ToArray()),
            pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, 1e-3));
    }

    private static void Rehearse(Device planner, LoadOptions options)
    {
        using StableDiffusion model =
            StableDiffusion.Load(TinyPipeline.ModelPath(TinyPipeline.Sd1), planner, options);
        _ = model.Generate(TinyPipeline.Request with { Width = 64, Height = 64, Steps = 2 });
    }
}
