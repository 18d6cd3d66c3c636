using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Text;
using ControlNet.Native.Unet;
using ControlNet.Native.Vae;
using ControlNet.Native.Weights;
using ControlNet.Verification;
using ControlNet.Verification.Checks;
using Xunit;

namespace ControlNet.Native.Tests.Models;

/// <summary>
/// Single files in the original layout compute what the diffusers folders of the same weights compute.
/// </summary>
public sealed class OriginalLayoutTests : IDisposable
{
    private readonly Device _device = Devices.Cpu(2);
    private readonly GoldenContext _golden;

    public OriginalLayoutTests() => _golden = new GoldenContext(Repository.Golden(), _device);

    public void Dispose() => _device.Dispose();

    [Theory]
    [InlineData("sd1-tiny.f32.safetensors", "sd1-tiny")]
    [InlineData("sd2-tiny.f16.safetensors", "sd2-tiny")]
    public void A_whole_model(string file, string model)
    {
        // Heads and norm groups of models this small cannot be told from the shapes of their weights.
        CheckpointOptions options = new() { ConfigsFrom = Repository.Golden("models", model) };
        using Checkpoint checkpoint = Checkpoint.Open(Repository.Golden("models", "single-file", file), options);
        using ClipTextModel clip = new(checkpoint.Text!.Map(_device), checkpoint.Text.Config);
        Hold(ClipCheck.Run(_golden, _golden.Tensors($"outputs/clip_{model}.safetensors"), clip));
        using UnetModel unet = new(checkpoint.Unet!.Map(_device), checkpoint.Unet.Config);
        Hold(UnetCheck.Run(_golden, _golden.Tensors($"outputs/unet_{model}.safetensors"), unet));
        using Autoencoder vae = new(checkpoint.Vae!.Map(_device), checkpoint.Vae.Config);
        Hold(VaeCheck.Run(_golden, _golden.Tensors($"outputs/vae_{model}.safetensors"), vae));
    }

    [Theory]
    [InlineData("control-canny.f32.safetensors", "controlnet-tiny-canny", "canny")]
    [InlineData("control-depth.f16.safetensors", "controlnet-tiny-depth", "depth")]
    public void A_control_network(string file, string model, string net)
    {
        CheckpointOptions options = new() { ConfigsFrom = Repository.Golden("models", model) };
        using Checkpoint checkpoint = Checkpoint.Open(Repository.Golden("models", "single-file", file), options);
        using ControlNetModel control = new(checkpoint.ControlNet!.Map(_device), checkpoint.ControlNet.Config);
        GoldenTensors golden = _golden.Tensors("outputs/controlnet.safetensors");
        Hold(ControlNetCheck.Run(_golden, golden, control, "odd", net));
    }

    private static void Hold(IReadOnlyList<GoldenResult> results)
    {
        Assert.NotEmpty(results);
        Assert.Empty(results.Where(result => !result.Passed).Select(
            result => $"{result.Case}: {result.Error:e2} {result.Problem}"));
    }
}
