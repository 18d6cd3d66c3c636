using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Training;

/// <summary>
/// A control network that has learnt nothing: a copy of a UNet's encoder, a new hint encoder, and zero convolutions, so
/// that it changes nothing yet. Source: Zhang et al., 2023, arXiv:2302.05543, section 3.1; diffusers'
/// ControlNetModel.from_unet.
/// </summary>
internal static class ControlNetStart
{
    /// <summary>
    /// The network a run begins with: a copy of the UNet's encoder, or the ControlNet the options name.
    /// </summary>
    /// <param name="baseModel">The base model; must stay open until this returns.</param>
    /// <param name="device">Where it computes.</param>
    /// <param name="options">Which ControlNet, or of what the copy is made.</param>
    /// <param name="random">For weights that are not copied.</param>
    /// <param name="checkpoints">What checkpoints do not say themselves.</param>
    /// <returns>The network and its weights, float32 and trained; both belong to the caller.</returns>
    /// <exception cref="CheckpointException">The ControlNet cannot be loaded.</exception>
    /// <exception cref="TrainingOptionsException">It is made for another base model.</exception>
    public static (ControlNetModel Net, WeightMap Map) Open(
        Checkpoint baseModel, Device device, ControlNetTrainingOptions options, TrainingRandom random,
        CheckpointOptions checkpoints)
    {
        UnetConfig unet = baseModel.Unet!.Config;
        if (options.InitialControlNet is not string path)
        {
            ControlNetConfig config = ConfigFor(unet, options.Variant, options.HintChannels);
            return Build(From(baseModel.Unet, config, random, options.Variant), config);
        }

        using Checkpoint begun = Checkpoint.OpenControlNet(path, checkpoints);
        ControlNetConfig own = begun.ControlNet!.Config;
        RequireMadeFor(unet, own, path);
        if (own.IsLite && options.ExportLayouts.HasFlag(ExportLayouts.Original))
        {
            throw new TrainingOptionsException(
                $"InitialControlNet {path} is lite, which the original layout has no names for; export it as " +
                "diffusers");
        }

        return Build(begun.ControlNet.Weights, own);

        (ControlNetModel, WeightMap) Build(ComponentWeights weights, ControlNetConfig config)
        {
            WeightMap map = new WeightMap(weights, device, DType.F32).For(WeightUse.Trained);
            return (new ControlNetModel(map, config), map);
        }
    }

    /// <summary>The configuration of a control network for a UNet.</summary>
    /// <param name="unet">The UNet.</param>
    /// <param name="variant">What it is made of.</param>
    /// <param name="hintChannels">
    /// Widths of the hint encoder; by default 16, 32, 96, 256 times the width of the UNet over 320, at least 8.
    /// </param>
    public static ControlNetConfig ConfigFor(
        UnetConfig unet, ControlNetVariant variant, IReadOnlyList<int>? hintChannels = null)
    {
        int width = unet.BlockOutChannels[0];
        return new ControlNetConfig
        {
            Encoder = unet with { OutChannels = new UnetConfig().OutChannels, CenterInputSample = false },
            IsLite = variant == ControlNetVariant.Lite,
            ConditioningEmbeddingOutChannels =
                hintChannels ?? [.. new ControlNetConfig().ConditioningEmbeddingOutChannels
                    .Select(channels => Math.Max(8, channels * width / 320))],
        };
    }

    /// <summary>The weights: those of the encoder still lie in the UNet's file and are read when taken.</summary>
    /// <param name="unet">The UNet; its checkpoint must stay open until the network was built.</param>
    /// <param name="config">From <see cref="ConfigFor"/>.</param>
    /// <param name="random">For the hint encoder.</param>
    /// <param name="variant">What the convolutions the network speaks through begin as.</param>
    public static ComponentWeights From(
        CheckpointPart<UnetConfig> unet, ControlNetConfig config, TrainingRandom random,
        ControlNetVariant variant = ControlNetVariant.Standard)
    {
        Dictionary<string, WeightSlot> slots = new(StringComparer.Ordinal);
        List<(string, Shape)> fresh = [];
        foreach ((string name, Shape shape) in WeightSketch.Of(map => new ControlNetModel(map, config)))
        {
            if (unet.Weights.Slots.TryGetValue(name, out WeightSlot? slot))
            {
                slots.Add(name, slot);
            }
            else
            {
                fresh.Add((name, shape));
            }
        }

        SafeTensorsItem[] drawn = new FirstWeights(random).Draw(
            fresh, name => variant != ControlNetVariant.Gaussian && FirstWeights.IsZeroInControlNet(name));
        using MemoryStream bytes = new();
        SafeTensorsWriter.Write(bytes, drawn);
        SafeTensorsFile file = SafeTensorsFile.Open(bytes.ToArray(), "new ControlNet");
        foreach (SafeTensorsEntry entry in file.Entries.Values)
        {
            slots.Add(entry.Name, new WeightSlot(file, entry));
        }

        return new ComponentWeights("new ControlNet", slots);
    }

    private static void RequireMadeFor(UnetConfig unet, ControlNetConfig net, string path)
    {
        if (net.ConditioningChannels != 3)
        {
            throw new TrainingOptionsException(
                $"InitialControlNet {path} reads hints of {net.ConditioningChannels} channels, a picture has 3");
        }

        if (net.Encoder.CrossAttentionDim != unet.CrossAttentionDim
            || !net.Encoder.BlockOutChannels.SequenceEqual(unet.BlockOutChannels))
        {
            throw new TrainingOptionsException(
                $"InitialControlNet {path} is made for another base model: its text states are " +
                $"{net.Encoder.CrossAttentionDim} wide and its blocks " +
                $"{string.Join(", ", net.Encoder.BlockOutChannels)}, those of the base model are " +
                $"{unet.CrossAttentionDim} and {string.Join(", ", unet.BlockOutChannels)}; take one made for " +
                "this base");
        }
    }
}
