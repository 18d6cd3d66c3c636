using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Control;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;
using ControlNet.Native.Unet;

namespace ControlNet.Native;

/// <summary>
/// The controls of one request at work. Each hint is encoded once; a net is computed in the calls of its window only,
/// and only for the half of guidance it acts on; what several nets say is added up in the order of the request.
/// </summary>
internal sealed class ControlRun : IDisposable
{
    private readonly GenerationPlan _plan;
    private readonly PromptContexts _texts;
    private readonly Tensor?[] _hints;

    /// <param name="plan">The request.</param>
    /// <param name="texts">The texts: with guidance the unconditional one first. The caller's.</param>
    public ControlRun(GenerationPlan plan, PromptContexts texts)
    {
        (_plan, _texts) = (plan, texts);
        _hints = new Tensor?[plan.Controls.Count];
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
        foreach (Tensor? hint in _hints)
        {
            hint?.Dispose();
        }
    }

    private ControlResiduals Residuals(int index, int call, Tensor latents, float timestep, TimeContext times)
    {
        ControlInput control = _plan.Controls[index];
        Tensor hint = _hints[index] ??= EncodeHint(control);
        bool half = _plan.HasGuidance && control.ActsOnConditionOnly;
        TextContext context = half ? _texts.ConditionsAt(call) : _texts.At(call);
        ControlResiduals residuals = control.Scaled(control.Net.Forward(latents, [timestep], context, hint, times));
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

    private Tensor EncodeHint(ControlInput control)
    {
        using TensorScope scope = TensorScope.Enter();
        RgbImage image = control.Image.Width == _plan.Width && control.Image.Height == _plan.Height
            ? control.Image
            : control.Image.Resize(_plan.Width, _plan.Height);
        Shape shape = new(1, _plan.Height, _plan.Width, 3);
        Tensor hint = Tensor.From(control.Net.Device, shape, image.ToFloats(PixelRange.ZeroToOne));
        return control.Net.EncodeHint(hint).Detach();
    }
}
