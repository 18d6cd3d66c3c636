using System;
using System.Globalization;
using ControlNet.Native.Messages;

namespace ControlNet.Native.Weights;

/// <summary>A LoRA and how strongly it acts.</summary>
/// <param name="Lora">The open file.</param>
/// <param name="Scale">Factor of what it adds to UNet or ControlNet; any finite number, 1 as it was trained.</param>
/// <param name="TextScale">The same for the text encoder; null is <paramref name="Scale"/>.</param>
public sealed record LoraUse(Lora Lora, float Scale = 1f, float? TextScale = null)
{
    /// <summary>The factor for one network.</summary>
    internal float For(LoraNetwork network) => network == LoraNetwork.Text ? TextScale ?? Scale : Scale;

    /// <summary>Refuses factors that are no numbers.</summary>
    /// <exception cref="CheckpointException">One is not finite.</exception>
    internal LoraUse Checked()
    {
        ArgumentNullException.ThrowIfNull(Lora);
        foreach (float scale in (ReadOnlySpan<float>)[Scale, TextScale ?? 0])
        {
            if (!float.IsFinite(scale))
            {
                throw new CheckpointException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{MessageText.Name(Lora.Source)}: is to act with a scale of {scale}; give a finite number, ") +
                    "1 is as it was trained");
            }
        }

        return this;
    }
}
