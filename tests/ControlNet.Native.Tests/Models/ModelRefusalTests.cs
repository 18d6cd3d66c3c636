using System;
using ControlNet.Native.Control;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Text;
using ControlNet.Native.Unet;
using ControlNet.Native.Vae;
using Xunit;

namespace ControlNet.Native.Tests.Models;

/// <summary>Inputs that do not belong to a model are refused in one sentence, before anything is computed.</summary>
public sealed class ModelRefusalTests : IDisposable
{
    private readonly Device _device = Devices.Cpu(1);
    private readonly TensorScope _scope = TensorScope.Enter();

    public void Dispose()
    {
        _scope.Dispose();
        _device.Dispose();
    }

    [Fact]
    public void Latents_of_another_channel_count() => Assert.Equal(
        "the UNet reads latents of 4 channels, got 9 in [1, 8, 8, 9]; 4 channels are latents alone, " +
        "9 latents, mask and masked image of an inpainting model: choose the checkpoint made for the task",
        RefusalOfUnet(TinyModels.Numbers(_device, 1, 8, 8, 9), Text(1, TinyModels.TextWidth)));

    [Fact]
    public void Text_of_another_base() => Assert.Equal(
        "the UNet reads text states 24 wide, got 32 in [1, 7, 32]: it was trained for another base model than " +
        "the text encoder (Stable Diffusion 1.x is 768 wide, 2.x 1024); choose a UNet and a text encoder of one base",
        RefusalOfUnet(Latents(1), Text(1, 32)));

    [Fact]
    public void Text_of_another_batch() => Assert.Equal(
        "the UNet reads text states [2, T, 24], one for each of the latents [2, 8, 8, 4] or equally many, got " +
        "[3, 7, 24]; repeat or cut the text to the batch",
        RefusalOfUnet(Latents(2), Text(3, TinyModels.TextWidth)));

    [Fact]
    public void No_text() => Assert.Equal(
        "the UNet reads text states [1, T, 24], one for each of the latents [1, 8, 8, 4] or equally many, got " +
        "[0, 7, 24]; repeat or cut the text to the batch",
        RefusalOfUnet(Latents(1), Text(0, TinyModels.TextWidth)));

    [Fact]
    public void Residuals_of_another_batch()
    {
        using UnetModel unet = TinyModels.Unet(_device);
        using ControlNetModel control = TinyModels.ControlNet(_device);
        using TextContext three = new(Text(3, TinyModels.TextWidth)), four = new(Text(4, TinyModels.TextWidth));
        Tensor hint = control.EncodeHint(TinyModels.Numbers(_device, 1, 64, 64, 3));
        ControlResiduals residuals = control.Forward(Latents(3), [1f], three, hint);
        ModelException refusal = Assert.Throws<ModelException>(
            () => unet.Forward(Latents(2), [1f], four, residuals));
        Assert.Equal(
            "a control residual is [3, 8, 8, 8], but must be [B, H, W, C] with B of 4, one for each text, 2, one for " +
            "each of the latents, or 1",
            refusal.Message);
    }

    [Fact]
    public void Timesteps_of_another_batch() => Assert.Equal(
        "a batch of 1 latents takes 1 timestep or 1, got 2; give one for all or one for each",
        RefusalOfUnet(Latents(1), Text(1, TinyModels.TextWidth), 1f, 2f));

    [Fact]
    public void A_timestep_that_is_no_number() => Assert.Equal(
        "timestep 0 is NaN; give a number, 0 to 999 in Stable Diffusion",
        RefusalOfUnet(Latents(1), Text(1, TinyModels.TextWidth), float.NaN));

    [Fact]
    public void Residuals_of_another_base()
    {
        using UnetModel unet = TinyModels.Unet(_device);
        Tensor middle = TinyModels.Numbers(_device, 1, 1, 1, 16);
        ControlResiduals residuals = new([middle, middle], middle);
        ModelException refusal = Assert.Throws<ModelException>(
            () => unet.Forward(Latents(1), [1f], new TextContext(Text(1, TinyModels.TextWidth)), residuals));
        Assert.Equal(
            "the control residuals are 3 images of 16, 16, 16 channels, the UNet takes 13 of 8, 8, 8, 8, 16, 16, " +
            "16, 16, 16, 16, 16, 16, 16: the ControlNet was made for another base model; " +
            "choose one made for this checkpoint",
            refusal.Message);
    }

    [Fact]
    public void A_control_network_of_another_base()
    {
        using ControlNetModel control = TinyModels.ControlNet(_device);
        Tensor hint = control.EncodeHint(TinyModels.Numbers(_device, 1, 64, 64, 3));
        ModelException refusal = Assert.Throws<ModelException>(
            () => control.Forward(Latents(1), [1f], new TextContext(Text(1, 32)), hint));
        Assert.Equal(
            "the ControlNet reads text states 24 wide, got 32 in [1, 7, 32]: it was trained for another " +
            "base model than the text encoder (Stable Diffusion 1.x is 768 wide, 2.x 1024); " +
            "choose a ControlNet and a text encoder of one base",
            refusal.Message);
    }

    [Fact]
    public void A_hint_of_another_size()
    {
        using ControlNetModel control = TinyModels.ControlNet(_device);
        Tensor hint = control.EncodeHint(TinyModels.Numbers(_device, 1, 64, 96, 3));
        ModelException refusal = Assert.Throws<ModelException>(
            () => control.Forward(Latents(1), [1f], new TextContext(Text(1, TinyModels.TextWidth)), hint));
        Assert.Equal(
            "the hint covers 8 x 12 latent pixels, the latents have 8 x 8; resize the control image to 64 x 64 " +
            "pixels (height x width)", refusal.Message);
    }

    [Fact]
    public void A_hint_of_another_channel_count()
    {
        using ControlNetModel control = TinyModels.ControlNet(_device);
        Tensor hint = TinyModels.Numbers(_device, 1, 64, 64, 1);
        Assert.Equal(
            "the ControlNet reads hints [N, H, W, 3], got [1, 64, 64, 1]; " +
            "convert the control image to that many channels",
            Assert.Throws<ModelException>(() => control.EncodeHint(hint)).Message);
    }

    [Fact]
    public void Images_and_latents_of_another_channel_count()
    {
        using Autoencoder vae = TinyModels.Vae(_device);
        const string Cure = "; it belongs to another family of models, or the axes are not channels-last";
        Assert.Equal(
            "the autoencoder reads latents [N, H, W, 4], got [1, 4, 8, 8]" + Cure,
            Assert.Throws<ModelException>(() => vae.Decode(TinyModels.Numbers(_device, 1, 4, 8, 8))).Message);
        Assert.Equal(
            "the autoencoder reads images [N, H, W, 3], got [1, 16, 16, 4]" + Cure,
            Assert.Throws<ModelException>(() => vae.Encode(TinyModels.Numbers(_device, 1, 16, 16, 4))).Message);
        Assert.Equal(
            "the autoencoder reads images of at least 8 x 8 pixels, got [1, 4, 16, 3]; enlarge the image",
            Assert.Throws<ModelException>(() => vae.Encode(TinyModels.Numbers(_device, 1, 4, 16, 3))).Message);
    }

    [Fact]
    public void Tokens_the_encoder_does_not_know()
    {
        using ClipTextModel clip = TinyModels.Clip(_device);
        Assert.Equal(
            "token 49407 is not one of the 834 the text encoder knows: the tokenizer belongs to another model; " +
            "load the one beside the encoder",
            Assert.Throws<ModelException>(() => clip.Forward([[0, 49407]])).Message);
        Assert.Equal(
            "the text encoder reads prompts of 1 to 77 tokens, got 1 of 78; split longer prompts",
            Assert.Throws<ModelException>(() => clip.Forward([new int[78]])).Message);
        Assert.Equal(
            "one prompt has 2 tokens, another 3; pad them to one length",
            Assert.Throws<ModelException>(() => clip.Forward([[1, 2], [1, 2, 3]])).Message);
        Assert.Equal(
            "the text encoder has 4 layers, 4 cannot be left out; choose a number from 0 to 3",
            Assert.Throws<ModelException>(() => clip.Forward([[1, 2]], skippedLayers: 4)).Message);
    }

    private Tensor Latents(int batch) => TinyModels.Numbers(_device, batch, 8, 8, 4);

    private Tensor Text(int batch, int width) => TinyModels.Numbers(_device, batch, 7, width);

    private string RefusalOfUnet(Tensor latents, Tensor states, params float[] timesteps)
    {
        using UnetModel unet = TinyModels.Unet(_device);
        using TextContext text = new(states);
        return Assert.Throws<ModelException>(
            () => unet.Forward(latents, timesteps.Length == 0 ? [1f] : timesteps, text)).Message;
    }
}
