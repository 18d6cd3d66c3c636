using System;

namespace ControlNet.Native.Weights;

/// <summary>What a tensor of a LoRA is to its module.</summary>
internal enum LoraRole
{
    /// <summary>The factor that reads the layer's input, <c>[rank, In, …]</c>.</summary>
    Down,

    /// <summary>The factor that writes its output, <c>[Out, rank, …]</c>.</summary>
    Up,

    /// <summary>A number; divided by the rank it scales the product.</summary>
    Alpha,

    /// <summary>Part of an adapter that is computed otherwise.</summary>
    Foreign,

    /// <summary>Nothing an adapter has.</summary>
    None,
}

/// <summary>The name of a tensor in a LoRA, taken apart.</summary>
/// <param name="Owner">Name of the module it belongs to; the whole name where it has no role.</param>
/// <param name="Role">What it is to that module.</param>
/// <param name="Layout">Whose names these are; where the role is a factor.</param>
/// <param name="Reason">Why a foreign tensor is not computed; null for others.</param>
internal readonly record struct LoraTensorName(string Owner, LoraRole Role, LoraLayout Layout, string? Reason = null)
{
    private static readonly (string Ending, LoraRole Role, LoraLayout Layout)[] s_endings =
    [
        (".lora_down.weight", LoraRole.Down, LoraLayout.Kohya), (".lora_up.weight", LoraRole.Up, LoraLayout.Kohya),
        (".alpha", LoraRole.Alpha, LoraLayout.Kohya),
        (".lora_A.weight", LoraRole.Down, LoraLayout.Peft), (".lora_B.weight", LoraRole.Up, LoraLayout.Peft),
        (".lora.down.weight", LoraRole.Down, LoraLayout.Diffusers),
        (".lora.up.weight", LoraRole.Up, LoraLayout.Diffusers),
        (".lora_linear_layer.down.weight", LoraRole.Down, LoraLayout.Diffusers),
        (".lora_linear_layer.up.weight", LoraRole.Up, LoraLayout.Diffusers),
        ("_lora.down.weight", LoraRole.Down, LoraLayout.Diffusers),
        ("_lora.up.weight", LoraRole.Up, LoraLayout.Diffusers),
    ];

    // PEFT writes the name of the adapter between factor and 'weight' unless it is told not to.
    private static readonly (string Fragment, LoraRole Role)[] s_named =
        [(".lora_A.", LoraRole.Down), (".lora_B.", LoraRole.Up)];

    private static readonly (string Fragment, string Reason)[] s_foreign =
    [
        (".dora_scale", "it is a DoRA (dora_scale), which rescales the weight it changes"),
        (".lora_magnitude_vector", "it is a DoRA (lora_magnitude_vector), which rescales the weight it changes"),
        (".hada_", "it is a LoHa (hada_w1_a, …), a product of two low-rank matrices"),
        (".lokr_", "it is a LoKr (lokr_w1, …), a Kronecker product"),
        (".lora_mid.", "its convolution is decomposed further (lora_mid)"),
        (".oft_", "it is an OFT (oft_blocks), which rotates the weight it changes"),
        (".boft_", "it is a BOFT, which rotates the weight it changes"),
        (".on_input", "it is an (IA)^3, which rescales activations"),
        (".lora_B.bias", "it also changes the bias (lora_B.bias)"),
        (".lora_embedding_", "it changes an embedding (lora_embedding_A)"),
    ];

    /// <summary>Takes a name apart.</summary>
    public static LoraTensorName Parse(string name)
    {
        foreach ((string fragment, string reason) in s_foreign)
        {
            int at = name.IndexOf(fragment, StringComparison.Ordinal);
            if (at > 0)
            {
                return new(name[..at], LoraRole.Foreign, default, reason);
            }
        }

        if (name.EndsWith(".diff", StringComparison.Ordinal) || name.EndsWith(".diff_b", StringComparison.Ordinal))
        {
            return new(
                name[..name.LastIndexOf('.')], LoraRole.Foreign, default,
                "it is a full difference of weights (diff), not a low-rank one");
        }

        foreach ((string ending, LoraRole role, LoraLayout layout) in s_endings)
        {
            if (name.EndsWith(ending, StringComparison.Ordinal) && name.Length > ending.Length)
            {
                return new(name[..^ending.Length], role, layout);
            }
        }

        foreach ((string fragment, LoraRole role) in s_named)
        {
            int at = name.IndexOf(fragment, StringComparison.Ordinal);
            if (at > 0 && name.EndsWith(".weight", StringComparison.Ordinal))
            {
                return new(name[..at], role, LoraLayout.Peft);
            }
        }

        return new(name, LoraRole.None, default);
    }
}
