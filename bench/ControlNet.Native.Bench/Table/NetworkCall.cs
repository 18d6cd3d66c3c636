using System;
using System.Collections.Generic;
using System.Text.Json.Nodes;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;
using ControlNet.Native.Text;
using ControlNet.Native.Unet;
using ControlNet.Native.Vae;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Bench.Table;

/// <summary>
/// One network at true size, from a checkpoint, on the inputs <c>bench/peers/networks.py</c> makes too.
/// </summary>
internal static class NetworkCall
{
    private const int Tokens = 77, WordsPerPrompt = 20, StateWidth = 768, HintWidth = 320;

    /// <summary>Loads the network of <c>part</c> and makes its inputs.</summary>
    public static TimedCall Make(JsonObject spec, Device device)
    {
        string part = (string)spec["part"]!;
        if (part == "control")
        {
            return Control((string)spec["control"]!, spec, device);
        }

        using Checkpoint checkpoint = Checkpoint.OpenModel((string)spec["model"]!);
        return part switch
        {
            "unet" => Unet(checkpoint, spec, device),
            "decode" or "encode" => Vae(checkpoint, spec, device, part == "decode"),
            "clip" => Text(checkpoint, (int)spec["batch"]!, device),
            _ => throw new InvalidOperationException($"no part '{part}'"),
        };
    }

    private static TensorCall Unet(Checkpoint checkpoint, JsonObject spec, Device device)
    {
        UnetModel unet = new(checkpoint.Unet!.Map(device), checkpoint.Unet.Config);
        Tensor latents = Latents(spec, device);
        TextContext context = Context(spec, device);
        return new TensorCall([unet, latents, context], () => unet.Forward(latents, [501], context));
    }

    private static TensorCall Control(string path, JsonObject spec, Device device)
    {
        ControlNetModel net = ControlNetModel.Load(path, device);
        Tensor latents = Latents(spec, device);
        TextContext context = Context(spec, device);
        int side = (int)spec["size"]! / 8;
        Tensor hint = ChannelsLast(HashNoise.Tensor(device, 3, 1, HintWidth, side, side));
        return new TensorCall(
            [net, latents, context, hint], () => net.Forward(latents, [501], context, hint).Middle);
    }

    private static TensorCall Vae(Checkpoint checkpoint, JsonObject spec, Device device, bool decodes)
    {
        Autoencoder vae = new(checkpoint.Vae!.Map(device), checkpoint.Vae.Config);
        if (decodes)
        {
            using Tensor latents = Latents(spec, device);
            Tensor scaled = Ops.Scale(latents, (float)(1 / vae.Config.ScalingFactor));
            return new TensorCall([vae, scaled], () => vae.Decode(scaled));
        }

        int batch = (int)spec["batch"]!, size = (int)spec["size"]!;
        Tensor image = ChannelsLast(HashNoise.Tensor(device, 4, batch, 3, size, size));
        return new TensorCall([vae, image], () => vae.Encode(image).Mean);
    }

    private static TensorCall Text(Checkpoint checkpoint, int batch, Device device)
    {
        ClipTextModel text = new(checkpoint.Text!.Map(device), checkpoint.Text.Config);
        List<int[]> tokens = [];
        for (int b = 0; b < batch; b++)
        {
            int[] ids = new int[Tokens];
            Array.Fill(ids, 49407);
            ids[0] = 49406;
            for (int i = 0; i < WordsPerPrompt; i++)
            {
                ids[1 + i] = 320 + (997 * ((b * WordsPerPrompt) + i));
            }

            tokens.Add(ids);
        }

        return new TensorCall([text], () => text.Forward(tokens));
    }

    private static Tensor Latents(JsonObject spec, Device device)
    {
        int side = (int)spec["size"]! / 8;
        return ChannelsLast(HashNoise.Tensor(device, 1, (int)spec["batch"]!, 4, side, side));
    }

    private static TextContext Context(JsonObject spec, Device device) =>
        new(HashNoise.Tensor(device, 2, (int)spec["batch"]!, Tokens, StateWidth));

    private static Tensor ChannelsLast(Tensor planes)
    {
        using (planes)
        {
            return Ops.ToChannelsLast(planes);
        }
    }
}
