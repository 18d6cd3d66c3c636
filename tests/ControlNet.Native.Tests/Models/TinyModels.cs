using System;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Text;
using ControlNet.Native.Unet;
using ControlNet.Native.Vae;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Tests.Models;

/// <summary>The golden folder's models, and inputs that fit them.</summary>
internal static class TinyModels
{
    /// <summary>Width of the text states of the sd1-tiny models.</summary>
    public const int TextWidth = 24;

    public static Checkpoint Open(params string[] path) => Checkpoint.Open(Repository.Golden(["models", .. path]));

    public static UnetModel Unet(Device device, string name = "sd1-tiny")
    {
        using Checkpoint file = Open(name, "unet");
        return new UnetModel(file.Unet!.Map(device), file.Unet.Config);
    }

    public static ControlNetModel ControlNet(Device device)
    {
        using Checkpoint file = Open("controlnet-tiny-canny");
        return new ControlNetModel(file.ControlNet!.Map(device), file.ControlNet.Config);
    }

    public static Autoencoder Vae(Device device)
    {
        using Checkpoint file = Open("sd1-tiny", "vae");
        return new Autoencoder(file.Vae!.Map(device), file.Vae.Config);
    }

    public static ClipTextModel Clip(Device device)
    {
        using Checkpoint file = Open("sd1-tiny", "text_encoder");
        return new ClipTextModel(file.Text!.Map(device), file.Text.Config);
    }

    /// <summary>Numbers in [-1, 1) that are the same in every run.</summary>
    public static Tensor Numbers(Device device, params int[] extents)
    {
        Shape shape = new(extents);
        Random random = new(7);
        float[] values = [.. Enumerable.Range(0, (int)shape.Count).Select(_ => (random.NextSingle() * 2) - 1)];
        return Tensor.From(device, shape, values);
    }
}
