using System;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using ControlNet.Verification;
using ControlNet.Verification.Checks;
using Xunit;
using Xunit.Abstractions;

namespace ControlNet.Native.Tests.Models;

/// <summary>
/// Networks and pipelines with activations in F16 against the reference, within the limits of F16: what
/// <c>controlnet verify --precision f16</c> compares.
/// </summary>
[Collection(OpenClUnderTest.Collection)]
public sealed class HalfGoldenTests(ITestOutputHelper output)
{
    private static readonly GoldenCheck[] s_checks =
    [
        new ClipCheck(), new UnetCheck(), new TraceCheck(), new VaeCheck(), new LoraCheck(), new PipelineCheck(),
    ];

    [Theory]
    [InlineData(nameof(ClipCheck), "outputs/clip_sd1-tiny.safetensors")]
    [InlineData(nameof(ClipCheck), "outputs/clip_sd2-tiny.safetensors")]
    [InlineData(nameof(UnetCheck), "outputs/unet_sd1-tiny.safetensors")]
    [InlineData(nameof(UnetCheck), "outputs/unet_sd2-tiny.safetensors")]
    [InlineData(nameof(TraceCheck), "outputs/unet_trace_sd2-tiny.safetensors")]
    [InlineData(nameof(TraceCheck), "outputs/vae_trace_sd1-tiny.safetensors")]
    [InlineData(nameof(TraceCheck), "outputs/controlnet_trace_canny.safetensors")]
    [InlineData(nameof(VaeCheck), "outputs/vae_sd2-tiny.safetensors")]
    [InlineData(nameof(LoraCheck), "outputs/lora.safetensors")]
    [InlineData(nameof(PipelineCheck), "outputs/pipelines/sd2_txt2img_euler.safetensors")]
    [InlineData(nameof(PipelineCheck), "outputs/pipelines/multi_control_ddim.safetensors")]
    public void Outputs_are_those_of_the_reference(string check, string file)
    {
        if (OpenClUnderTest.Find(output) is not { } gpu)
        {
            return;
        }

        using Device device = Devices.Open(gpu.Name);
        GoldenContext context = new(Repository.Golden(), device, DType.F16);
        GoldenResult[] results = [.. s_checks.Single(c => c.GetType().Name == check).Run(context, file)];
        output.WriteLine($"{results.Length} comparisons, worst {results.Max(r => r.Error):e2}");
        string[] failed =
        [
            .. results.Where(r => !r.Passed).Select(r => $"{r.Case}: {r.Error:e2} > {r.Limit:e2} {r.Problem}"),
        ];
        Assert.True(failed.Length == 0, string.Join(Environment.NewLine, failed));
        Assert.NotEmpty(results);
        Assert.Equal(0, device.BlocksInUse);
    }
}
