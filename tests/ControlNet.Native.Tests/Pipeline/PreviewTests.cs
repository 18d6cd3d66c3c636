using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ControlNet.Native.Imaging;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>Pictures of an image on its way.</summary>
public sealed class PreviewTests : IDisposable
{
    private readonly Device _device = Devices.Cpu(2);

    public void Dispose()
    {
        Assert.Equal(0, _device.BlocksInUse);
        _device.Dispose();
    }

    [Theory]
    [InlineData(SamplerKind.Ddim)]
    [InlineData(SamplerKind.EulerAncestral)]
    [InlineData(SamplerKind.DpmPlusPlus2M)]
    [InlineData(SamplerKind.UniPc)]
    [InlineData(SamplerKind.Lcm)]
    public void What_is_estimated_last_is_the_image_and_watching_changes_no_bit(SamplerKind sampler)
    {
        using StableDiffusion model = StableDiffusion.Load(Path.Combine(Repository.Root, "assets", "model"), _device);
        ImageRequest request = new()
        {
            Prompt = "a blue square on a white background", Steps = 6, GuidanceScale = 2, Sampler = sampler,
        };
        List<RgbImage> decoded = [], painted = [];
        GeneratedImage image = model.Generate(request, new Reports(p =>
        {
            decoded.Add(p.Preview(decode: true));
            painted.Add(p.Preview());
        }));

        Assert.Equal(model.Generate(request).Image.Pixels.ToArray(), image.Image.Pixels.ToArray());
        double[] errors = [.. decoded.Select(preview => Error(preview, image.Image))];
        Assert.True(errors[^1] < 1, $"the last preview is {errors[^1]} levels off");
        Assert.True(errors[^1] < errors[0] / 4, $"from {errors[0]} levels off the previews came to {errors[^1]}");

        Assert.All(painted, preview => Assert.Equal((16, 16), (preview.Width, preview.Height)));
        double correlation = Correlation(painted[^1], image.Image.Resize(16, 16));
        Assert.True(correlation > 0.75, $"painted and decoded correlate by {correlation}");
    }

    [Fact]
    public void A_preview_is_made_inside_a_report_only()
    {
        using StableDiffusion model = TinyPipeline.Load(_device);
        GenerationProgress? kept = null;
        _ = model.Generate(TinyPipeline.Request, new Reports(p => kept = p));
        Assert.Contains("inside IProgress.Report", Assert.Throws<InvalidOperationException>(
            () => kept!.Preview()).Message);
    }

    /// <summary>Mean distance of two pictures, 0 to 255.</summary>
    private static double Error(RgbImage a, RgbImage b) =>
        a.Pixels.ToArray().Zip(b.Pixels.ToArray(), (x, y) => Math.Abs(x - y)).Average();

    private static double Correlation(RgbImage a, RgbImage b)
    {
        double[] x = [.. a.Pixels.ToArray().Select(v => (double)v)], y = [.. b.Pixels.ToArray().Select(v => (double)v)];
        (double mx, double my) = (x.Average(), y.Average());
        double covariance = x.Zip(y, (u, v) => (u - mx) * (v - my)).Sum();
        return covariance / Math.Sqrt(x.Sum(u => (u - mx) * (u - mx)) * y.Sum(v => (v - my) * (v - my)));
    }

    private sealed class Reports(Action<GenerationProgress> report) : IProgress<GenerationProgress>
    {
        public void Report(GenerationProgress value) => report(value);
    }
}
