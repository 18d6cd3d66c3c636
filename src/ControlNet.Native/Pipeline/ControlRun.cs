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
    private readonly TextContext _context;
    private readonly PreparedControl?[] _prepared;
    private TextContext? _conditional;

    /// <param name="plan">The request.</param>
    /// <param name="context">The texts: with guidance the unconditional half first. The caller's.</param>
    public ControlRun(GenerationPlan plan, TextContext context)
    {
        (_plan, _context) = (plan, context);
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
        _plan.Controls.Select(control => control.ActsAt(call, _plan.Sampler.CallCount) ? '1' : '0'));

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
            if (_plan.Controls[i].ActsAt(call, _plan.Sampler.CallCount))
            {
                ControlResiduals part = Residuals(i, latents, timestep, times);
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

        _conditional?.States.Dispose();
        _conditional?.Dispose();
    }

    private ControlResiduals Residuals(int index, Tensor latents, float timestep, TimeContext times)
    {
        ControlInput control = _plan.Controls[index];
        PreparedControl prepared = _prepared[index] ??= new PreparedControl(control, _plan.Width, _plan.Height);
        bool half = _plan.HasGuidance && control.ActsOnConditionOnly;
        TextContext context = half ? ConditionalContext() : _context;
        ControlResiduals residuals = prepared.Weighed(
            control.Net.Forward(latents, [timestep], context, prepared.Features, times));
        if (!half)
        {
            return residuals;
        }

        using (residuals)
        {
            return residuals.WithUnconditionalZeros();
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

    /// <summary>The second half of the texts, with projections of its own.</summary>
    private TextContext ConditionalContext()
    {
        int half = _context.States.Shape[0] / 2;
        return _conditional ??= new TextContext(_context.States.Rows(half, half).Detach());
    }

    private HintKey KeyOf(ControlInput control) => PreparedControl.KeyOf(control, _plan.Width, _plan.Height);
}
