using System;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;
using Xunit;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>A cancelled generation ends soon, frees what it made and leaves the model as it was.</summary>
public sealed class CancellationTests : IDisposable
{
    private const double LatencySeconds = 1;

    private readonly Device _device = Devices.Cpu(2);
    private readonly StableDiffusion _model;
    private readonly ControlNetModel _net;
    private readonly ImageRequest _request;
    private readonly GeneratedImage _expected;
    private readonly long _blocks;
    private readonly long _bytes;

    public CancellationTests()
    {
        _model = TinyPipeline.Load(_device);
        _net = TinyPipeline.LoadNet(_device);
        _request = TinyPipeline.Request with
        {
            Controls =
            [
                new ControlInput { Net = _net, Image = TinyPipeline.Hint(40, 24) },
                new ControlInput { Net = _net, Image = TinyPipeline.Hint(24, 40), Mode = ControlMode.Guess },
            ],
        };
        (_blocks, _bytes) = (_device.BlocksInUse, _device.BytesInUse);
        _expected = _model.Generate(_request);
        AssertUntouched();
    }

    public void Dispose()
    {
        // Every test ends with the model as it was found.
        AssertUntouched();
        TinyPipeline.AssertSame(_expected, _model.Generate(_request));
        _net.Dispose();
        _model.Dispose();
        Assert.Equal((0L, 0L), (_device.BlocksInUse, _device.BytesInUse));
        _device.Dispose();
    }

    [Fact]
    public void Before_the_start()
    {
        int reports = 0;
        CancellationToken cancelled = new(canceled: true);
        OperationCanceledException thrown = Assert.ThrowsAny<OperationCanceledException>(
            () => _model.Generate(_request, new Reports<GenerationProgress>(_ => reports++), cancelled));
        Assert.Equal(cancelled, thrown.CancellationToken);
        Assert.Equal(0, reports);
    }

    [Fact]
    public async Task While_the_text_is_encoded()
    {
        using CancellationTokenSource source = new();
        await TinyPipeline.CancelWhenBusy(_device, source);
        Assert.ThrowsAny<OperationCanceledException>(
            () => _model.Generate(_request with { Steps = 500 }, null, source.Token));
    }

    [Theory]
    [InlineData(1)] // before the first call of the UNet
    [InlineData(2)] // inside the first step
    [InlineData(4)]
    public void When_noise_is_drawn(int draw)
    {
        using CancellationTokenSource source = new();
        NoiseThat noise = new(asked =>
        {
            if (asked == draw)
            {
                source.Cancel();
            }
        });
        Assert.ThrowsAny<OperationCanceledException>(
            () => _model.Generate(_request with { Steps = 5, NoiseSource = noise }, null, source.Token));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)] // the last: what is left is decoding
    public void From_progress(int call)
    {
        using CancellationTokenSource source = new();
        int last = 0;
        Reports<GenerationProgress> reports = new(p =>
        {
            last = p.Completed;
            if (p.Completed == call)
            {
                source.Cancel();
            }
        });
        OperationCanceledException thrown = Assert.ThrowsAny<OperationCanceledException>(
            () => _model.Generate(_request, reports, source.Token));
        Assert.Equal(source.Token, thrown.CancellationToken);
        Assert.Equal(call, last);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(15)]
    [InlineData(60)]
    [InlineData(150)]
    public void From_a_timer(int milliseconds)
    {
        // 900 calls take seconds; the picture is large enough for single operations to show.
        using CancellationTokenSource source = new();
        long cancelled = 0;
        using CancellationTokenRegistration stamp = source.Token.Register(
            () => Volatile.Write(ref cancelled, Stopwatch.GetTimestamp()));
        source.CancelAfter(milliseconds);
        Assert.ThrowsAny<OperationCanceledException>(
            () => _model.Generate(_request with { Steps = 900, Width = 256, Height = 256 }, null, source.Token));
        long ended = Stopwatch.GetTimestamp();

        // A token is seen as cancelled before its callbacks run, so the end may come before the stamp.
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref cancelled) != 0, TimeSpan.FromSeconds(10)));
        double seconds = Stopwatch.GetElapsedTime(Volatile.Read(ref cancelled), ended).TotalSeconds;
        Assert.InRange(seconds, -LatencySeconds, LatencySeconds);
    }

    [Fact]
    public async Task Of_the_asynchronous_form()
    {
        using CancellationTokenSource source = new();
        Reports<GenerationProgress> reports = new(_ => source.Cancel());
        Task<GeneratedImage> task = _model.GenerateAsync(_request, reports, source.Token);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);
        Assert.Equal(TaskStatus.Canceled, task.Status);

        Task<GeneratedImage> never = _model.GenerateAsync(_request, null, source.Token);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => never);
        Assert.Equal(TaskStatus.Canceled, never.Status);
    }

    [Fact]
    public void A_token_of_an_earlier_request_does_not_end_the_next()
    {
        using CancellationTokenSource source = new();
        GeneratedImage first = _model.Generate(_request, null, source.Token);
        source.Cancel();
        TinyPipeline.AssertSame(first, _model.Generate(_request));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(40)] // in the text encoder
    [InlineData(300)] // in the UNet
    [InlineData(800)] // in the autoencoder
    public void Of_a_load(int weights)
    {
        using CancellationTokenSource source = new();
        int read = 0;
        string component = "none";
        Reports<LoadProgress> reports = new(p =>
        {
            (read, component) = (read + 1, p.Component);
            if (read == weights)
            {
                source.Cancel();
            }
        });
        if (weights == 0)
        {
            source.Cancel();
        }

        Assert.ThrowsAny<OperationCanceledException>(
            () => StableDiffusion.Load(TinyPipeline.ModelPath(TinyPipeline.Sd1), _device, null, reports, source.Token));
        Assert.Equal(weights, read);
        Assert.Equal(weights switch { 0 => "none", < 60 => "text encoder", < 700 => "unet", _ => "vae" }, component);
        AssertUntouched();

        Assert.ThrowsAny<OperationCanceledException>(
            () => ControlNetModel.Load(
                TinyPipeline.ModelPath(TinyPipeline.Canny), _device, cancellation: source.Token));
    }

    [Fact]
    public void A_load_that_fails_in_its_progress_leaves_nothing()
    {
        Reports<LoadProgress> reports = new(p =>
        {
            if (p.BytesRead > p.BytesTotal / 2)
            {
                throw new InvalidTimeZoneException("the window was closed");
            }
        });
        Assert.Throws<InvalidTimeZoneException>(
            () => StableDiffusion.Load(TinyPipeline.ModelPath(TinyPipeline.Sd1), _device, null, reports));
        Assert.Throws<InvalidTimeZoneException>(
            () => ControlNetModel.Load(TinyPipeline.ModelPath(TinyPipeline.Canny), _device, progress: reports));
    }

    /// <summary>All that may stay is what the net keeps of hints.</summary>
    private void AssertUntouched()
    {
        _net.ForgetHints();
        Assert.Equal((_blocks, _bytes), (_device.BlocksInUse, _device.BytesInUse));
    }
}
