using System;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;
using Xunit;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>Several generations at once in one process.</summary>
public sealed class ConcurrencyTests : IDisposable
{
    private readonly Device _device = Devices.Cpu(2);
    private readonly StableDiffusion _model;
    private readonly ControlNetModel _net;

    public ConcurrencyTests()
    {
        _model = TinyPipeline.Load(_device);
        _net = TinyPipeline.LoadNet(_device);
    }

    public void Dispose()
    {
        _net.Dispose();
        _model.Dispose();
        Assert.Equal(0, _device.BlocksInUse);
        _device.Dispose();
    }

    [Fact]
    public async Task Two_models_on_two_devices()
    {
        using Device device = Devices.Cpu(1);
        using StableDiffusion other = TinyPipeline.Load(device, TinyPipeline.Sd2);
        ImageRequest[] requests = Requests(4);
        GeneratedImage[] ofOne = [.. requests.Select(request => _model.Generate(request))];
        ImageRequest[] plain = [.. requests.Select(request => request with { Controls = [], Sampler = null })];
        GeneratedImage[] ofOther = [.. plain.Select(request => other.Generate(request))];

        async Task Run(StableDiffusion model, ImageRequest[] asked, GeneratedImage[] expected)
        {
            for (int i = 0; i < asked.Length; i++)
            {
                TinyPipeline.AssertSame(expected[i], await model.GenerateAsync(asked[i]));
            }
        }

        await Task.WhenAll(Run(_model, requests, ofOne), Run(other, plain, ofOther));
    }

    /// <summary>
    /// More than the library promises: parallel loops of one device take turns, and a generation keeps nothing in the
    /// model and in a net only its hints, so even one model on one device may serve several threads; each waits for the
    /// other's loops.
    /// </summary>
    [Fact]
    public async Task One_model_on_one_device()
    {
        ImageRequest[] requests = Requests(6);
        GeneratedImage[] expected = [.. requests.Select(request => _model.Generate(request))];
        _net.ForgetHints();
        long blocks = _device.BlocksInUse, bytes = _device.BytesInUse;
        for (int round = 0; round < 2; round++)
        {
            GeneratedImage[] actual = await Task.WhenAll(requests.Select(request => _model.GenerateAsync(request)));
            for (int i = 0; i < requests.Length; i++)
            {
                TinyPipeline.AssertSame(expected[i], actual[i]);
            }
        }

        _net.ForgetHints();
        Assert.Equal((blocks, bytes), (_device.BlocksInUse, _device.BytesInUse));
    }

    [Fact]
    public async Task A_cancelled_neighbour_does_not_disturb()
    {
        ImageRequest request = Requests(1)[0];
        GeneratedImage expected = _model.Generate(request);
        long blocks = _device.BlocksInUse;
        for (int round = 0; round < 4; round++)
        {
            using CancellationTokenSource source = new();
            int last = 1 + (2 * round);
            Task<GeneratedImage> neighbour = _model.GenerateAsync(
                request with { Steps = 900 },
                new Reports<GenerationProgress>(at => Cancel(source, when: at.Completed == last)), source.Token);
            Task<GeneratedImage> mine = _model.GenerateAsync(request);
            TinyPipeline.AssertSame(expected, await mine);
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => neighbour);
        }

        Assert.Equal(blocks, _device.BlocksInUse);
    }

    [Fact]
    public async Task Errors_arrive_through_the_task()
    {
        Task<GeneratedImage> task = _model.GenerateAsync(TinyPipeline.Request with { Steps = 0 });
        RequestException thrown = await Assert.ThrowsAsync<RequestException>(() => task);
        Assert.Equal("Steps is 0, but must be from 1 to 1000", thrown.Message);
        Assert.Equal(TaskStatus.Faulted, task.Status);
    }

    // From within the neighbour: a timer may be late on a busy machine, and 900 steps of a tiny model soon done.
    private static void Cancel(CancellationTokenSource source, bool when)
    {
        if (when)
        {
            source.Cancel();
        }
    }

    /// <summary>With and without control, of several sizes and seeds.</summary>
    private ImageRequest[] Requests(int count) =>
    [
        .. Enumerable.Range(0, count).Select(i => TinyPipeline.Request with
        {
            Seed = i,
            Width = 24 + (8 * (i % 3)),
            Controls = i % 2 == 0 ? [new ControlInput { Net = _net, Image = TinyPipeline.Hint(40, 24) }] : [],
        }),
    ];
}
