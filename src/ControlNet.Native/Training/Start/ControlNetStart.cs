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
}
