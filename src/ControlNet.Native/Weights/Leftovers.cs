using System;
using System.Linq;

namespace ControlNet.Native.Weights;

/// <summary>Tensors that published checkpoints carry and no model needs.</summary>
internal static class Leftovers
{
    // Buffers of the training code: the noise schedule, loss weights, running averages.
    private static readonly string[] s_heads =
    [
        "model_ema.", "betas", "alphas_cumprod", "sqrt_", "log_one_minus_alphas_cumprod", "posterior_", "logvar",
        "lvlb_weights", "scale_factor", "first_stage_model.loss.", "loss.", "first_stage_model.model_ema.",
        "v_pred", "ztsnr", "vision_model.", "visual_projection.", "embedding_manager.",
    ];

    private static readonly string[] s_tails =
        ["position_ids", "logit_scale", "text_projection", "text_projection.weight", "attn_mask"];

    /// <summary>Whether a tensor that no model claimed is known to be of no use.</summary>
    /// <param name="name">Its name in the file.</param>
    /// <param name="unusedOpenClipBlock">Prefix of the OpenCLIP block that is not run; null when there is none.</param>
    public static bool IsExpected(string name, string? unusedOpenClipBlock) =>
        s_heads.Any(head => name.StartsWith(head, StringComparison.Ordinal))
        || s_tails.Any(tail => name.EndsWith(tail, StringComparison.Ordinal))
        || (unusedOpenClipBlock is not null && name.StartsWith(unusedOpenClipBlock, StringComparison.Ordinal));
}
