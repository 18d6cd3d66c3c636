using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Gpu;
using ControlNet.Native.Tests.Pipeline;
using ControlNet.Native.Tests.Support;
using Xunit;
using Xunit.Abstractions;

namespace ControlNet.Native.Tests.Backends;

/// <summary>When work is recorded, what it is refused, and that nothing of it is left.</summary>
public sealed class ReplayTests : IDisposable
{
    private readonly FailingGpu _gpu = new(1L << 30) { Records = true };
    private readonly Device _device;
    private readonly Tensor _x;

    private readonly ITestOutputHelper _output;

    public ReplayTests(ITestOutputHelper output)
    {
        _output = output;
        _device = new Device(new GpuBackend(_gpu, records: true));
        _x = Tensor.From(_device, new Shape(3, 5), new float[15]);
        using TensorScope scope = TensorScope.Enter();
        _ = Ops.Softmax(Ops.Softmax(_x));
        _ = Copy(_x);
    }

    public void Dispose()
    {
        _x.Dispose();
        Assert.Equal((0, 0), (_device.BlocksInUse, _device.BytesInUse));
        Assert.Equal((0, false), (_gpu.Recordings, _gpu.IsRecording));
        _device.Dispose();
        Assert.Equal(0, _gpu.Gpu.HeldBytes);
    }

    [Fact]
    public void The_second_run_is_recorded_and_a_new_name_begins_anew()
    {
        using Replay replay = new(_device);
        int works = 0;
        foreach ((string name, bool repeats, int replays, int recordings, int done) in
            (IEnumerable<(string, bool, int, int, int)>)
            [
                ("a", false, 0, 0, 0), ("a", true, 1, 1, 1), ("a", true, 2, 1, 1), ("b", false, 2, 0, 1),
                ("b", true, 3, 1, 2), ("a", false, 3, 0, 2), ("a", true, 4, 1, 3),
            ])
        {
            Assert.Equal(repeats, replay.Repeats(name));
            if (repeats)
            {
                using Tensor y = replay.Run([_x], Work);
                Assert.Equal((_x.Shape, _x.DType), (y.Shape, y.DType));
            }

            Assert.Equal((replays, recordings, done), (_gpu.Replays, _gpu.Recordings, works));
        }

        Tensor Work(IReadOnlyList<Tensor> inputs)
        {
            works++;
            Assert.NotSame(_x, inputs[0]);
            return Twice(inputs[0]);
        }
    }

    [Fact]
    public void Devices_that_do_not_record_never_repeat()
    {
        using Device cpu = Devices.Cpu(1), plain = new(new GpuBackend(new FailingGpu(1 << 20))),
            off = new(new GpuBackend(new FailingGpu(1 << 20) { Records = true }, records: false)),
            onCpu = cpu.ForPlanning(), onPlain = plain.ForPlanning(), onOff = off.ForPlanning();
        foreach (Device device in (Device[])[cpu, plain, off, onCpu, onPlain, onOff])
        {
            using Replay replay = new(device);
            Assert.Equal((false, false), (replay.Repeats("a"), replay.Repeats("a")));
        }

        using Device planner = _device.ForPlanning();
        using Replay planned = new(planner);
        Assert.Equal((false, true), (planned.Repeats("a"), planned.Repeats("a")));
    }

    [Fact]
    public void Work_that_copies_is_done_and_not_recorded()
    {
        using Replay replay = new(_device);
        int works = 0;
        _ = replay.Repeats("a");
        for (int run = 1; run <= 5; run++)
        {
            Assert.True(replay.Repeats("a"));
            replay.Run([_x], inputs =>
            {
                works++;
                using TensorScope scope = TensorScope.Enter();
                Tensor y = Twice(inputs[0]);
                _ = y.ToArray();
                return scope.Keep(y);
            }).Dispose();

            // Three times it is tried, and then done.
            Assert.Equal(run <= 3 ? 2 * run : 3 + run, works);
        }

        Assert.Equal((0, 0), (_gpu.Replays, _gpu.Recordings));
    }

    [Fact]
    public void Where_the_pool_must_grow_the_next_run_is_recorded()
    {
        using Replay replay = new(_device);
        _ = replay.Repeats("a");
        using Tensor large = Zeros();
        Assert.True(replay.Repeats("a"));
        replay.Run([large], Work).Dispose();
        Assert.Equal(0, _gpu.Replays);
        replay.Run([large], Work).Dispose();
        Assert.Equal(1, _gpu.Replays);

        Tensor Zeros()
        {
            using Tensor first = new(_device.Backend, new Shape(20 << 20));
            return new Tensor(_device.Backend, new Shape(10 << 20));
        }

        static Tensor Work(IReadOnlyList<Tensor> inputs)
        {
            using Tensor once = Copy(inputs[0]);
            return Copy(once);
        }
    }

    [Fact]
    public void Work_that_keeps_more_than_its_result_is_refused()
    {
        using Replay replay = new(_device);
        List<Tensor> kept = [];
        _ = replay.Repeats("a");
        Assert.Equal(
            "test:0: recorded work leaves 2 tensors, which nothing has computed; do what is to be kept once, before " +
            "the work is recorded",
            Assert.Throws<InvalidOperationException>(() => replay.Run([_x], inputs =>
            {
                kept.Add(Ops.Softmax(inputs[0]).Detach());
                return Ops.Softmax(kept[0]);
            })).Message);
        kept.ForEach(tensor => tensor.Dispose());
    }

    [Fact]
    public void Other_shapes_under_one_name_are_refused()
    {
        using Replay replay = new(_device);
        _ = replay.Repeats("a");
        replay.Run([_x], inputs => Twice(inputs[0])).Dispose();
        using Tensor other = _x.Reshape(5, 3);
        Assert.Equal(
            "Replay: 'a' was recorded with F32 [3, 5], got F32 [5, 3]; give other shapes another name",
            Assert.Throws<ShapeException>(() => replay.Run([other], inputs => Twice(inputs[0]))).Message);
    }

    [Fact]
    public void Work_that_is_cancelled_while_it_is_recorded_leaves_nothing()
    {
        using Replay replay = new(_device);
        using CancellationTokenSource source = new();
        using (TensorScope scope = TensorScope.Enter(source.Token))
        {
            _ = replay.Repeats("a");
            Assert.Throws<OperationCanceledException>(() => replay.Run([_x], inputs =>
            {
                Assert.True(_gpu.IsRecording);
                source.Cancel();
                return Twice(inputs[0]);
            }));
        }

        Assert.True(replay.Repeats("a"));
        replay.Run([_x], inputs => Twice(inputs[0])).Dispose();
        Assert.Equal(1, _gpu.Replays);
    }

    [Fact]
    public void What_recorded_work_has_used_is_nobody_elses_until_it_is_freed()
    {
        using GpuMemory memory = new(new CountingGpu(1 << 30));
        using GpuBlock before = Take(1 << 20);
        memory.BeginHold();
        GpuBlock first = Take(2 << 20);
        first.Dispose();
        GpuBlock second = Take(1 << 20);
        using GpuBlock result = Take(4 << 20);
        second.Dispose();
        GpuBlock range = Assert.Single(memory.EndHold(keep: true));
        Assert.Equal((1 << 20, 1 << 20), (range.Start, range.Bytes));
        Assert.Equal((2 << 20, 4 << 20), (result.Start, result.Bytes));
        using GpuBlock beyond = Take(256 << 10);
        Assert.Equal((6 << 20, 4), (beyond.Start, memory.BlocksInUse));
        range.Dispose();
        using GpuBlock within = Take(512 << 10);
        Assert.Equal(1 << 20, within.Start);
        memory.BeginHold();
        Assert.Throws<RecordingException>(() => Take(100 << 20));
        memory.Trim();
        Take(128 << 10).Dispose();
        Assert.Empty(memory.EndHold(keep: false));
        Assert.Equal(4, memory.BlocksInUse);

        GpuBlock Take(long bytes) => (GpuBlock)memory.Allocate(bytes);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_recorded_step_holds_what_a_step_takes(bool controlled)
    {
        List<(long InUse, long Held, long Between)> peaks = [];
        foreach (bool records in (bool[])[false, true])
        {
            using Device device = new(new GpuBackend(new FailingGpu(1L << 40) { Records = true }, records: records));
            using Device planner = device.ForPlanning();
            using StableDiffusion model = TinyPipeline.Load(planner);
            using ControlNetModel net = TinyPipeline.LoadNet(planner);
            ImageRequest request = TinyPipeline.Request with
            {
                Width = 1024,
                Height = 1024,
                Steps = 5,
                Controls = controlled ? [new() { Net = net, Image = TinyPipeline.Hint(40, 24) }] : [],
            };

            // Until the last step: the decoder, which takes more, finds the recording freed.
            (long, long, long) peak = default;
            _ = model.Generate(request, new Reports<GenerationProgress>(
                _ => peak = (planner.PeakBytesInUse, planner.PeakBytes, planner.BytesInUse)));
            peaks.Add(peak);
        }

        _output.WriteLine($"peak in use, held, in use between steps: plain {peaks[0]}, recorded {peaks[1]}");
        Assert.InRange(peaks[1].InUse, peaks[0].InUse, peaks[0].InUse * 13 / 10);
        Assert.InRange(peaks[1].Held, peaks[0].Held, peaks[0].Held * 11 / 10);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Whichever_call_of_a_generation_fails_nothing_is_left(bool isLoss)
    {
        ImageRequest request = TinyPipeline.Request with { Steps = 4 };
        int first = 0, calls = 1;
        for (int call = 1; call <= calls; call += Math.Max(1, calls / 30))
        {
            FailingGpu gpu = new(1L << 30) { Records = true };
            Device device = new(new GpuBackend(gpu, records: true));
            using (StableDiffusion model = TinyPipeline.Load(device))
            using (ControlNetModel net = TinyPipeline.LoadNet(device))
            {
                ImageRequest controlled = request with
                {
                    Controls = [new() { Net = net, Image = TinyPipeline.Hint(40, 24), End = 0.8 }],
                };
                (long, long) idle = (device.BlocksInUse, device.BytesInUse);
                first = gpu.Calls;
                if (call == 1)
                {
                    _ = model.Generate(controlled);
                    calls = gpu.Calls - first;
                    Assert.Equal((2, 0), (gpu.Replays, gpu.Recordings));
                }

                gpu.Fail(call, isLoss);
                try
                {
                    _ = model.Generate(controlled);

                    // A recording that is refused is done without.
                    Assert.False(isLoss);
                }
                catch (GpuException e)
                {
                    Assert.Equal(isLoss, e.IsDeviceLost);
                }

                net.ForgetHints();
                Assert.Equal(idle, (device.BlocksInUse, device.BytesInUse));
                Assert.Equal((0, false, 0), (gpu.Recordings, gpu.IsRecording, gpu.CallsAfterLoss));
            }

            Assert.Equal((0, 0), (device.BlocksInUse, device.BytesInUse));
            device.Dispose();
            Assert.Equal(0, gpu.Gpu.HeldBytes);
        }

        Assert.True(calls > 100, $"{calls} calls");
    }

    private static Tensor Twice(Tensor x)
    {
        using TensorScope scope = TensorScope.Enter();
        return scope.Keep(Ops.Softmax(Ops.Softmax(x)));
    }

    private static Tensor Copy(Tensor x) => Ops.Slice(x, 0, 0, x.Shape[0]);
}
