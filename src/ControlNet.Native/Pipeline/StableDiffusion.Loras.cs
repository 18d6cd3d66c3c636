using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native;

/// <content>LoRA of the UNet and the text encoder.</content>
public sealed partial class StableDiffusion
{
    /// <summary>The LoRA that are applied, in the order they were.</summary>
    public IReadOnlyList<LoraUse> Loras => [.. _unet.Loras.UnionBy(_text.Loras, use => use.Lora)];

    /// <summary>
    /// Applies a LoRA to the UNet and the text encoder, or gives one that is applied other scales. It acts from the
    /// next request on, together with those applied before. Only its factors are read.
    /// </summary>
    /// <param name="lora">The LoRA; may be closed afterwards.</param>
    /// <param name="scale">How strongly it acts: any finite number, 1 as it was trained, 0 not at all.</param>
    /// <param name="textScale">The same for the text encoder; null is <paramref name="scale"/>.</param>
    /// <param name="strict">Whether each of its modules must find its layer.</param>
    /// <returns>What was applied and what was not.</returns>
    /// <exception cref="CheckpointException">
    /// Nothing of it fits, or not all that must, or a factor has another shape than its layer; nothing was applied.
    /// </exception>
    /// <exception cref="SafeTensorsException">The LoRA cannot be read (any more); nothing was applied.</exception>
    /// <exception cref="DeviceMemoryException">The device has not enough memory; nothing was applied.</exception>
    public LoraReport ApplyLora(Lora lora, float scale = 1f, float? textScale = null, bool strict = false)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(lora);
        LoraUse use = new(lora, scale, textScale);
        using DeviceReservation turn = Device.Reserve();
        LoraMatch ofUnet = _unet.Match(lora), ofText = _text.Match(lora);
        LoraReport report = LoraReport.Of(use, [ofUnet, ofText], strict);
        bool isNew = Loras.All(applied => !ReferenceEquals(applied.Lora, lora));
        _unet.Adapt(ofUnet, use);
        try
        {
            _text.Adapt(ofText, use);
        }
        catch when (isNew)
        {
            _unet.RemoveLora(lora);
            throw;
        }

        return report;
    }

    /// <summary>Takes a LoRA away again: the model is as it was before, to the last bit.</summary>
    /// <returns>Whether it was applied.</returns>
    public bool RemoveLora(Lora lora)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        using DeviceReservation turn = Device.Reserve();
        bool fromText = _text.RemoveLora(lora);
        return _unet.RemoveLora(lora) || fromText;
    }
}
