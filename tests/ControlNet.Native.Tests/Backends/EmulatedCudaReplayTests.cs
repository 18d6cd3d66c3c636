using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ControlNet.Native.Control;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Pipeline;
using ControlNet.Native.Tests.Support;
using Xunit;
using Xunit.Abstractions;

namespace ControlNet.Native.Tests.Backends;

/// <summary>
/// Images whose steps are replayed as graphs on the emulated CUDA device, which refuses in a capture what NVIDIA's
/// driver refuses.
/// </summary>
[Collection(EmulatedCuda.Alone)]
public sealed class EmulatedCudaReplayTests(ITestOutputHelper output)
{
    private static ImageRequest Request { get; } = TinyPipeline.Request with { Steps = 6 };

    private static string[] Counted { get; } = ["launches", "recorded launches", "replays", "replayed launches"];

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F16)]
    public void Graphs_change_no_bit(DType activations)
    {
        if (!EmulatedCuda.IsThere(output))
        {
            return;
        }

        List<GeneratedImage> plain = Generate(activations, records: false, out long[] plainCalls);
        List<GeneratedImage> replayed = Generate(activations, records: true, out long[] calls);
        for (int i = 0; i < plain.Count; i++)
        {
            TinyPipeline.AssertSame(plain[i], replayed[i]);
        }

        output.WriteLine($"{string.Join(", ", Counted)}: {string.Join(", ", plainCalls)}; {string.Join(", ", calls)}");
        Assert.Equal((0, 0, 0), (plainCalls[1], plainCalls[2], plainCalls[3]));
        Assert.True(calls[0] < plainCalls[0] && calls[3] > calls[1], "nothing was replayed");
        Assert.Equal(activations == DType.F32 ? 7 : 2, calls[2]);
    }

    [Fact]
    public void A_step_is_eight_calls_of_the_driver()
    {
        if (!EmulatedCuda.IsThere(output))
        {
            return;
        }

        (long plainLaunches, long plainReplays) = CallsOfTheLastStep(records: false);
        (long launches, long replays) = CallsOfTheLastStep(records: true);
        output.WriteLine($"{plainLaunches} launches in a step, replayed {launches} and {replays} graph");
        Assert.Equal((0, 1), (plainReplays, replays));
        Assert.Equal(8, launches + replays);
        Assert.True(plainLaunches > 300, $"{plainLaunches} launches");
    }

    [Fact]
    public void What_a_recorded_step_takes_is_what_was_estimated()
    {
        if (!EmulatedCuda.IsThere(output))
        {
            return;
        }

        long peakInUse = 0, peak = 0;
        foreach (bool records in (bool[])[false, true])
        {
            using Device device = EmulatedCuda.Open(records);
            using StableDiffusion model = TinyPipeline.Load(device);
            using ControlNetModel net = TinyPipeline.LoadNet(device);
            ImageRequest request = Request with
            {
                Width = 128,
                Height = 128,
                Steps = 4,
                Controls = [new() { Net = net, Image = TinyPipeline.Hint(40, 24) }],
            };
            MemoryEstimate estimate = model.EstimateMemory(request);
            _ = model.Generate(request);
            output.WriteLine(
                $"records {records}: {device.PeakBytesInUse} bytes in use, {device.PeakBytes} held; estimated " +
                $"{estimate.PeakBytesInUse} and {estimate.PeakBytes}; weights {estimate.WeightBytes}");
            Assert.Equal(
                (estimate.PeakBytesInUse, estimate.PeakBytes), (device.PeakBytesInUse, device.PeakBytes));
            if (!records)
            {
                (peakInUse, peak) = (device.PeakBytesInUse, device.PeakBytes);
            }

            Assert.InRange(device.PeakBytesInUse, peakInUse, peakInUse * 11 / 10);
            Assert.Equal(peak, device.PeakBytes);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_generation_that_is_cancelled_leaves_nothing(int call)
    {
        if (!EmulatedCuda.IsThere(output))
        {
            return;
        }

        using Device device = EmulatedCuda.Open(records: true);
        using StableDiffusion model = TinyPipeline.Load(device);
        (long, long, long) idle = (device.BlocksInUse, device.BytesInUse, EmulatedCuda.Count("graphs"));
        using CancellationTokenSource source = new();
        List<int> calls = [];
        Assert.Throws<OperationCanceledException>(() => model.Generate(
            Request,
            new Reports<GenerationProgress>(report =>
            {
                calls.Add(report.Completed);
                if (report.Completed == call)
                {
                    source.Cancel();
                }
            }),
            source.Token));
        Assert.Equal(Enumerable.Range(1, call), calls);
        Assert.Equal(idle, (device.BlocksInUse, device.BytesInUse, EmulatedCuda.Count("graphs")));
    }

    /// <summary>Images of several requests, and what was counted meanwhile.</summary>
    private static List<GeneratedImage> Generate(DType activations, bool records, out long[] calls)
    {
        using Device device = EmulatedCuda.Open(records);
        using StableDiffusion model = StableDiffusion.Load(
            TinyPipeline.ModelPath(TinyPipeline.Sd1), device, new LoadOptions { Activations = activations });
        using ControlNetModel canny = ControlNetModel.Load(
            TinyPipeline.ModelPath(TinyPipeline.Canny), device, activations: activations);
        using ControlNetModel depth = ControlNetModel.Load(
            TinyPipeline.ModelPath(TinyPipeline.Depth), device, activations: activations);
        ControlInput control = new() { Net = canny, Image = TinyPipeline.Hint(40, 24), Scale = 0.7f };
        ControlInput guess = control with
        {
            Net = depth,
            Mode = ControlMode.Guess,
            Mask = ControlMask.FromFloats([0.5f, 1], 2, 1),
        };
        List<ImageRequest> requests = [Request with { Steps = 3, Controls = [control, guess] }];
        if (activations == DType.F32)
        {
            // Calls 2 and 3 of 6 are in the window: three times work begins, is recorded in its second call and freed.
            ImageRequest windowed = Request with { Controls = [control with { Start = 0.33, End = 0.67 }] };
            ImageRequest small = Request with { Width = 16, Height = 24, Steps = 2 };
            requests.AddRange(
                [windowed, small with { GuidanceScale = 1, Sampler = SamplerKind.Heun, Controls = [guess] }]);
        }

        (long, long, long) idle = (device.BlocksInUse, device.BytesInUse, EmulatedCuda.Count("graphs"));
        long[] before = [.. Counted.Select(EmulatedCuda.Count)];
        List<GeneratedImage> images = [.. requests.Select(request => model.Generate(request))];
        calls = [.. Counted.Select((what, i) => EmulatedCuda.Count(what) - before[i])];
        canny.ForgetHints();
        depth.ForgetHints();
        Assert.Equal(idle, (device.BlocksInUse, device.BytesInUse, EmulatedCuda.Count("graphs")));
        return images;
    }

    /// <summary>Launches and graphs the host has queued between the last two reports of a request.</summary>
    private static (long Launches, long Replays) CallsOfTheLastStep(bool records)
    {
        using Device device = EmulatedCuda.Open(records);
        using StableDiffusion model = TinyPipeline.Load(device);
        using ControlNetModel net = TinyPipeline.LoadNet(device);
        List<(long Launches, long Replays)> at = [];
        _ = model.Generate(
            Request with { Steps = 3, Controls = [new() { Net = net, Image = TinyPipeline.Hint(40, 24) }] },
            new Reports<GenerationProgress>(
                _ => at.Add((EmulatedCuda.Count("launches"), EmulatedCuda.Count("replays")))));
        return (at[^1].Launches - at[^2].Launches, at[^1].Replays - at[^2].Replays);
    }
}
