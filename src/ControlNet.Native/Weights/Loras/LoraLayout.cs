namespace ControlNet.Native.Weights;

/// <summary>Whose names the tensors of a LoRA bear.</summary>
public enum LoraLayout
{
    /// <summary>
    /// kohya-ss and LyCORIS: <c>lora_unet_….lora_down.weight</c>, with <c>alpha</c>; blocks are named as in diffusers
    /// or as in the original layout.
    /// </summary>
    Kohya,

    /// <summary>PEFT, and diffusers since 0.24: <c>unet.….lora_A.weight</c>.</summary>
    Peft,

    /// <summary>
    /// diffusers before it: <c>unet.….processor.to_q_lora.down.weight</c>, <c>….lora.down.weight</c> or
    /// <c>….lora_linear_layer.down.weight</c>.
    /// </summary>
    Diffusers,
}
