using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Text;
using ControlNet.Native.Unet;
using ControlNet.Native.Vae;
using ControlNet.Native.Weights;
using Xunit;

namespace ControlNet.Native.Tests.Models;

/// <summary>
/// Who owns what: a forward leaves its result and nothing else, a model frees its weights, a failed one too.
/// </summary>
public sealed class ModelLifetimeTests : IDisposable
{
    private readonly Device _device = Devices.Cpu(2);

    public void Dispose() => _device.Dispose();

    [Fact]
    public void A_step_leaves_its_result_and_the_projections_of_the_text()
    {
        using UnetModel unet = TinyModels.Unet(_device);
        using ControlNetModel control = TinyModels.ControlNet(_device);
        long weights = _device.BlocksInUse;
        using (TensorScope scope = TensorScope.Enter())
        {
            Tensor latents = TinyModels.Numbers(_device, 1, 5, 6, 4);
            using TextContext text = new(TinyModels.Numbers(_device, 1, 7, TinyModels.TextWidth));
            Tensor hint = TinyModels.Numbers(_device, 1, 40, 48, 3);
            long before = _device.BlocksInUse;
            ControlResiduals residuals = control.Forward(
                latents, [500f], text, control.EncodeHint(hint));

            // Hint features, 13 residuals, and keys and values of the encoder's 7 transformers.
            Assert.Equal(before + 1 + 13 + 14, _device.BlocksInUse);
            _ = unet.Forward(latents, [500f], text, residuals);

            // The estimate, and keys and values of the UNet's 16 transformers.
            Assert.Equal(before + 1 + 13 + 14 + 1 + 32, _device.BlocksInUse);
            text.Dispose();
            Assert.Equal(before + 1 + 13 + 1, _device.BlocksInUse);
        }

        Assert.Equal(weights, _device.BlocksInUse);
    }

    [Fact]
    public void Without_a_scope_the_caller_owns_the_results()
    {
        using Autoencoder vae = TinyModels.Vae(_device);
        using ClipTextModel clip = TinyModels.Clip(_device);
        long weights = _device.BlocksInUse;
        using (Tensor images = TinyModels.Numbers(_device, 2, 16, 24, 3))
        using (VaePosterior posterior = vae.Encode(images))
        using (vae.Decode(posterior.Mean))
        using (clip.Forward([[1, 2, 3], [3, 2, 1]], skippedLayers: 1))
        {
            Assert.Equal(weights + 1 + 3 + 1 + 1, _device.BlocksInUse);
        }

        Assert.Equal(weights, _device.BlocksInUse);
    }

    [Fact]
    public void Every_weight_of_a_file_is_taken_and_counted()
    {
        using Checkpoint file = TinyModels.Open("sd1-tiny", "unet");
        using UnetModel unet = new(file.Unet!.Map(_device), file.Unet.Config);
        WeightMap map = file.Unet.Map(_device);
        long inFile = file.Unet.Names.Sum(
            name => map.ExtentsOf(name).Aggregate(1L, (product, extent) => product * extent));
        Assert.Equal(inFile, unet.ParameterCount);
        Assert.Empty(file.Report().Leftovers);

        // F32 in the file. Packed weights are padded to the tile of their kernel, blocks of memory to their alignment.
        Assert.True(unet.ParameterBytes >= inFile * sizeof(float), $"{unet.ParameterBytes} bytes of {inFile} weights");
        Assert.InRange(_device.BytesInUse - unet.ParameterBytes, 0, 63 * _device.BlocksInUse);
    }

    [Fact]
    public void A_model_that_cannot_be_built_leaves_nothing()
    {
        using Checkpoint file = TinyModels.Open("sd1-tiny", "unet");

        // One more residual block on the lowest level than the file has: fails late, with nearly everything loaded.
        UnetConfig config = file.Unet!.Config with { LayersPerBlock = [2, 2, 2, 3] };
        Assert.Throws<CheckpointException>(() => new UnetModel(file.Unet.Map(_device), config));
        Assert.Equal(0, _device.BlocksInUse);
    }

    [Fact]
    public void A_context_gives_the_same_estimate_in_every_step_and_when_traced()
    {
        using UnetModel unet = TinyModels.Unet(_device, "sd2-tiny");
        using TensorScope scope = TensorScope.Enter();
        Tensor latents = TinyModels.Numbers(_device, 2, 6, 4, 4);
        using TextContext text = new(TinyModels.Numbers(_device, 2, 5, 32));
        float[] first = unet.Forward(latents, [3f], text).ToArray();
        float[] second = unet.Forward(latents, [3f], text).ToArray();
        Assert.Equal(first, second);

        HashSet<string> paths = [];
        using (ModuleTrace trace = ModuleTrace.Start((path, _) => paths.Add(path)))
        {
            float[] traced = unet.Forward(latents, [3f], text).ToArray();
            Assert.All(first.Zip(traced), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
        }

        Assert.Contains("mid_block.attentions.0.transformer_blocks.0.attn2", paths);
        int seen = paths.Count;
        _ = unet.Forward(latents, [3f], text);
        Assert.Equal(seen, paths.Count);
    }
}
