using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Tensors;
using ControlNet.Native.Unet;

namespace ControlNet.Native;

/// <summary>
/// The controls of one request at work. Each hint is encoded once, unless its net still has it; a net is computed in
/// the calls of its window only, and only for the half of guidance it acts on; what several nets say is added up in the
/// order of the request.
/// </summary>
internal sealed class ControlRun : IDisposable
{
    private readonly GenerationPlan _plan;
    private readonly PromptContexts _texts;
    private readonly PreparedControl?[] _prepared;

    /// <param name="plan">The request.</param>
    /// <param name="texts">The texts: with guidance the unconditional one first. The caller's.</param>
    public ControlRun(GenerationPlan plan, PromptContexts texts)
    {
        (_plan, _texts) = (plan, texts);
        _prepared = new PreparedControl?[plan.Controls.Count];
        foreach (IGrouping<ControlNetModel, ControlInput> group in plan.Controls.GroupBy(control => control.Net))
        {
            group.Key.KeptHints?.KeepOnly([.. group.Select(KeyOf)]);
        }
    }

    /// <summary>
    /// The controls that act in one call of the sampler, a digit for each: calls that agree compute the same.
    /// </summary>
    public string ActingAt(int call) => string.Concat(
        _plan.Controls.Select(control => _plan.IsActive(control, call) ? '1' : '0'));

    /// <summary>What is to be added to the UNet in one call of the sampler.</summary>
    /// <param name="latents"><c>[N, H, W, C]</c>, the latents the UNet sees.</param>
    /// <param name="call">The call, from 0.</param>
    /// <param name="timestep">Its timestep.</param>
    /// <param name="times">What was made of it, or will be.</param>
    /// <returns>Residuals that belong to the caller's scope; null where no control acts.</returns>
    public ControlResiduals? At(Tensor latents, int call, float timestep, TimeContext times)
    {
        ControlResiduals? sum = null;
        for (int i = 0; i < _plan.Controls.Count; i++)
        {
            if (_plan.IsActive(_plan.Controls[i], call))
            {
                ControlResiduals part = Residuals(i, call, latents, timestep, times);
                sum = sum is null ? part : Joined(sum, part);
            }
        }

        return sum;
    }

    /// <summary>Frees what was computed once.</summary>
    public void Dispose()
    {
        foreach (PreparedControl? prepared in _prepared)
        {
            prepared?.Dispose();
        }
    }

    private ControlResiduals Residuals(int index, int call, Tensor latents, float timestep, TimeContext times)
    {
        ControlInput control = _plan.Controls[index];
        PreparedControl prepared = _prepared[index] ??= new PreparedControl(control, _plan.Width, _plan.Height);
        bool half = _plan.HasGuidance && control.ActsOnConditionOnly;
        TextContext context = half ? _texts.ConditionsAt(call) : _texts.At(call);
        ControlResiduals residuals = prepared.Weighed(
            control.Net.Forward(latents, [timestep], context, prepared.Features, times));
        if (!half)
        {
            return residuals;
        }

        using (residuals)
        {
            return residuals.WithUnconditionalZeros(_plan.Prompts.Conditions);
        }
    }

    private static ControlResiduals Joined(ControlResiduals one, ControlResiduals other)
    {
        using (one)
        using (other)
        {
            return ControlResiduals.Sum(one, other);
        }
    }

    private HintKey KeyOf(ControlInput control) => PreparedControl.KeyOf(control, _plan.Width, _plan.Height);
}
