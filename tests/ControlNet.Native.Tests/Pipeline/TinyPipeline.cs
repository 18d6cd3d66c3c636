using System;
using System.Threading;
using System.Threading.Tasks;
using ControlNet.Native.Control;
using ControlNet.Native.Imaging;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Weights;
using Xunit;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>The golden folder's models as a user loads them, and requests that take milliseconds.</summary>
internal static class TinyPipeline
{
    public const string Sd1 = "sd1-tiny";
    public const string Sd2 = "sd2-tiny";
    public const string Canny = "controlnet-tiny-canny";
    public const string Depth = "controlnet-tiny-depth";

    /// <summary>Ancestral, so that every step draws noise and uses the generator.</summary>
    public static ImageRequest Request { get; } = new()
    {
        Prompt = "a red cat in the castle",
        NegativePrompt = "blurry",
        Width = 40,
        Height = 24,
        Steps = 3,
        Sampler = SamplerKind.EulerAncestral,
        Seed = 11,
    };

    public static string ModelPath(params string[] parts) => Repository.Golden(["models", .. parts]);

    public static StableDiffusion Load(Device device, string name = Sd1) =>
        StableDiffusion.Load(ModelPath(name), device);

    public static ControlNetModel LoadNet(Device device, string name = Canny) =>
        ControlNetModel.Load(ModelPath(name), device);

    /// <summary>The canny net as one whose residuals are pooled over the image.</summary>
    public static ControlNetModel LoadPooled(Device device)
    {
        using Checkpoint file = Checkpoint.Open(ModelPath(Canny));
        return new ControlNetModel(
            file.ControlNet!.Map(device), file.ControlNet.Config with { GlobalPoolConditions = true });
    }

    /// <summary>A picture that is the same in every run and has structure in both directions.</summary>
    public static RgbImage Hint(int width, int height)
    {
        byte[] rgb = new byte[3 * width * height];
        for (int i = 0; i < rgb.Length; i++)
        {
            int x = i / 3 % width, y = i / 3 / width;
            rgb[i] = (byte)((37 * x) + (91 * y) + (x * y * (1 + (i % 3))));
        }

        return new RgbImage(width, height, rgb);
    }

    /// <summary>Equal to the last bit: the file, the decoded values and the latents.</summary>
    public static void AssertSame(GeneratedImage expected, GeneratedImage actual)
    {
        Assert.Equal(expected.Latents.ToArray(), actual.Latents.ToArray());
        Assert.Equal(expected.Decoded.ToArray(), actual.Decoded.ToArray());
        Assert.Equal(expected.Image.Encode(), actual.Image.Encode());
        Assert.All(expected.Latents.ToArray(), value => Assert.True(float.IsFinite(value)));
    }

    public static void AssertDifferent(GeneratedImage one, GeneratedImage other)
    {
        Assert.NotEqual(one.Latents.ToArray(), other.Latents.ToArray());
        Assert.NotEqual(one.Image.Encode(), other.Image.Encode());
    }

    /// <summary>Cancels <paramref name="source"/> as soon as the device holds more than its weights.</summary>
    public static Task CancelWhenBusy(Device device, CancellationTokenSource source)
    {
        long idle = device.BlocksInUse;
        TaskCompletionSource started = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Thread watcher = new(() =>
        {
            started.SetResult();
            while (device.BlocksInUse == idle && !source.IsCancellationRequested)
            {
                Thread.Yield();
            }

            source.Cancel();
        });
        watcher.IsBackground = true;
        watcher.Start();
        return started.Task;
    }
}

/// <summary>Reports on the generating thread, where <see cref="Progress{T}"/> would post them elsewhere.</summary>
internal sealed class Reports<T>(Action<T> report) : IProgress<T>
{
    public void Report(T value) => report(value);
}

/// <summary>Zeros for noise, after telling that they were asked for.</summary>
internal sealed class NoiseThat(Action<int> asked) : INoiseSource
{
    private int _draws;

    public void FillNormal(Span<float> destination)
    {
        asked(++_draws);
        destination.Clear();
    }
}
