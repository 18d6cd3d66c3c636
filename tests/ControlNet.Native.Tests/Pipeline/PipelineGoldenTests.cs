using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using ControlNet.Verification;
using ControlNet.Verification.Checks;
using Xunit;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>Whole generations against the reference, and proof that the comparison can fail.</summary>
public sealed class PipelineGoldenTests : IDisposable
{
    private const string File = "outputs/pipelines/txt2img_euler.safetensors";

    /// <summary>Its last value belongs to the final latents.</summary>
    private const string Falsified = "out.latents";

    private readonly Device _device = Devices.Cpu(2);

    public void Dispose() => _device.Dispose();

    [Fact]
    public void Every_generation_is_that_of_the_reference()
    {
        GoldenContext context = new(Repository.Golden(), _device);
        PipelineCheck check = new();
        string[] files = [.. check.Files(context)];
        Assert.True(files.Length >= 33, $"{files.Length} files are covered");
        string[] among =
        [
            "txt2img_pndm.", "txt2img_euler_a.", "sd2_txt2img_ddim.", "txt2img_nocfg.", "/control_unipc.",
            "/control_guess.", "/control_guess_nocfg.", "/control_guess_noprompt.", "/control_guidance_window.",
            "txt2img_rescale.", "sd2_txt2img_zsnr_rescale.",
            "/multi_control_ddim.", "/multi_control_guess.", "/multi_control_window_euler.",
        ];
        foreach (string part in among)
        {
            Assert.Contains(files, file => file.Contains(part, StringComparison.Ordinal));
        }

        List<string> failures = [];
        foreach (string file in files)
        {
            GoldenResult[] results = [.. check.Run(context, file)];
            Assert.True(results.Length >= 3, $"{file}: {results.Length} comparisons");
            failures.AddRange(results.Where(result => !result.Passed).Select(result => $"{file}: {result}"));
        }

        Assert.Empty(failures);
        Assert.Equal(0, _device.BlocksInUse);
    }

    [Fact]
    public void A_falsified_expectation_fails()
    {
        using ScratchFolder folder = new();
        folder.CopyGolden("models/sd1-tiny");
        string path = folder.Path(File.Split('/'));
        byte[] bytes = System.IO.File.ReadAllBytes(Repository.Golden(File.Split('/')));
        GoldenContext context = new(folder.Root, _device);
        System.IO.File.WriteAllBytes(path, bytes);
        Assert.All(new PipelineCheck().Run(context, File), result => Assert.True(result.Passed, result.ToString()));

        // The tensor's bytes are found by content, its last value is replaced.
        ReadOnlyMemory<byte> latents = new GoldenTensors(path)[Falsified].Bytes;
        int at = bytes.AsSpan().IndexOf(latents.Span) + latents.Length - sizeof(float);
        BitConverter.TryWriteBytes(bytes.AsSpan(at), 12.5f);
        System.IO.File.WriteAllBytes(path, bytes);
        GoldenResult failure = Assert.Single(new PipelineCheck().Run(context, File), result => !result.Passed);
        Assert.StartsWith("latents after call ", failure.Case, StringComparison.Ordinal);
        Assert.True(failure.Error > 0.1, failure.ToString());
    }
}
