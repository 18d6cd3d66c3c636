using System;
using System.Collections.Generic;

namespace ControlNet.Native.Weights;

/// <summary>
/// The noise schedule as single files carry it: <c>betas</c> and <c>alphas_cumprod</c>, computed in double and rounded.
/// No loader needs them; those that look find the ones of training. Source: CompVis <c>ddpm.py</c>
/// <c>register_schedule</c>, whose "linear" schedule is the scaled linear one of diffusers.
/// </summary>
internal static class ScheduleBuffers
{
    /// <summary>The buffers of a scheduler's configuration; none for a schedule the code did not have.</summary>
    public static IEnumerable<PlannedTensor> Of(ConfigJson scheduler)
    {
        int count = scheduler.Int("num_train_timesteps", 1000);
        double start = scheduler.Real("beta_start", 0.0001), end = scheduler.Real("beta_end", 0.02);
        if (scheduler.Text("beta_schedule", "linear") != "scaled_linear" || count < 2 || start < 0 || end < 0
            || scheduler.Flag("rescale_betas_zero_snr", false))
        {
            yield break;
        }

        (double first, double last) = (Math.Sqrt(start), Math.Sqrt(end));
        float[] betas = new float[count], alphasCumprod = new float[count];
        double product = 1;
        for (int t = 0; t < count; t++)
        {
            // As numpy.linspace has it, the last is the end itself.
            double root = t == count - 1 ? last : first + (t * ((last - first) / (count - 1)));
            product *= 1 - (root * root);
            (betas[t], alphasCumprod[t]) = ((float)(root * root), (float)product);
        }

        yield return new PlannedTensor("betas", [count], [], betas);
        yield return new PlannedTensor("alphas_cumprod", [count], [], alphasCumprod);
    }
}
