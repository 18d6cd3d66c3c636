using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using ControlNet.Verification;
using ControlNet.Verification.Checks;
using Xunit;
using Xunit.Abstractions;

namespace ControlNet.Native.Tests.Models;

/// <summary>Every network against the outputs of the reference implementations.</summary>
public sealed class ModelGoldenTests(ITestOutputHelper output)
{
    private static readonly GoldenCheck[] s_checks =
    [
        new TimestepEmbeddingCheck(), new ClipCheck(), new UnetCheck(), new TraceCheck(), new VaeCheck(),
        new ControlNetCheck(), new SingleFileCheck(), new LoraCheck(), new BackwardCheck(), new TrainingCheck(),
    ];

    /// <summary>
    /// Check, file, and how many comparisons it must make: a check that finds nothing proves nothing.
    /// </summary>
    public static TheoryData<string, string, int> Files => new()
    {
        { nameof(TimestepEmbeddingCheck), "ops/timestep_embedding.safetensors", 5 },
        { nameof(ClipCheck), "outputs/clip_sd1-tiny.safetensors", 11 },
        { nameof(ClipCheck), "outputs/clip_sd2-tiny.safetensors", 9 },
        { nameof(UnetCheck), "outputs/unet_sd1-tiny.safetensors", 9 },
        { nameof(UnetCheck), "outputs/unet_sd2-tiny.safetensors", 4 },
        { nameof(UnetCheck), "outputs/unet_sd1-tiny-inpaint-unet.safetensors", 3 },
        { nameof(TraceCheck), "outputs/unet_trace_sd1-tiny.safetensors", 135 },
        { nameof(TraceCheck), "outputs/unet_trace_sd2-tiny.safetensors", 135 },
        { nameof(TraceCheck), "outputs/vae_trace_sd1-tiny.safetensors", 56 },
        { nameof(TraceCheck), "outputs/controlnet_trace_canny.safetensors", 108 },
        { nameof(VaeCheck), "outputs/vae_sd1-tiny.safetensors", 18 },
        { nameof(VaeCheck), "outputs/vae_sd2-tiny.safetensors", 8 },
        { nameof(ControlNetCheck), "outputs/controlnet.safetensors", 223 },
        { nameof(SingleFileCheck), "outputs/single_f16.safetensors", 3 },
        { nameof(LoraCheck), "outputs/lora.safetensors", 16 },
        { nameof(BackwardCheck), "outputs/backward.safetensors", 542 },
        { nameof(TrainingCheck), "outputs/training.safetensors", 412 },
    };

    [Theory]
    [MemberData(nameof(Files))]
    public void Outputs_are_those_of_the_reference(string check, string file, int count)
    {
        using Device device = Devices.Cpu(2);
        GoldenContext context = new(Repository.Golden(), device);
        GoldenResult[] results = [.. s_checks.Single(c => c.GetType().Name == check).Run(context, file)];
        output.WriteLine($"{results.Length} comparisons, worst {results.Max(r => r.Error):e2}");
        string[] failed =
        [
            .. results.Where(r => !r.Passed).Select(r => $"{r.Case}: {r.Error:e2} > {r.Limit:e2} {r.Problem}"),
        ];
        Assert.True(failed.Length == 0, string.Join(Environment.NewLine, failed));
        Assert.Equal(count, results.Length);
        Assert.Equal(0, device.BlocksInUse);
    }

    [Fact]
    public void A_module_that_is_not_reported_and_a_number_that_is_off_are_failures()
    {
        using ScratchFolder folder = new();
        using Device device = Devices.Cpu(1);
        folder.CopyGolden("models/sd1-tiny/vae");
        const string File = "outputs/vae_trace_sd1-tiny.safetensors";
        byte[] bytes = System.IO.File.ReadAllBytes(Repository.Golden(File.Split('/')));

        // Only the list of the order ends so; the tensor of that name stays.
        int order = bytes.AsSpan().IndexOf("decoder.conv_out\\\"]"u8);
        "decoder.conv_OUT"u8.CopyTo(bytes.AsSpan(order));
        bytes[^1] ^= 0x40;
        System.IO.File.WriteAllBytes(folder.Path(File.Split('/')), bytes);
        GoldenContext context = new(folder.Root, device);
        GoldenResult[] failed = [.. new TraceCheck().Run(context, File).Where(r => !r.Passed)];
        Assert.Equal(2, failed.Length);
        GoldenResult missing = Assert.Single(failed, r => r.Problem is not null);
        Assert.Equal("trace/decoder.conv_OUT", missing.Case);
        Assert.Equal("the library does not report this module", missing.Problem);
        Assert.Contains(failed, r => r.Problem is null && r.Error > r.Limit);
    }

    [Fact]
    public void Every_file_of_a_check_is_listed_here()
    {
        using Device device = Devices.Cpu(1);
        GoldenContext context = new(Repository.Golden(), device);
        IEnumerable<string> answered = s_checks.SelectMany(check => check.Files(context));
        Assert.Equal(Files.Select(row => (string)row[1]).Order(), answered.Order());
    }
}
