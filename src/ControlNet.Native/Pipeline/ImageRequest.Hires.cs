namespace ControlNet.Native;

/// <content>A second pass at a larger size.</content>
public sealed partial record ImageRequest
{
    /// <summary>
    /// The second pass; null for none. Texts and <see cref="Controls"/> act in both passes, the control images at the
    /// size of each; noise goes on where the first pass ended. Not together with <see cref="Mask"/>.
    /// </summary>
    public HiresPass? HiresPass { get; init; }

    /// <summary>The second pass as a request of its own; what it starts from is not part of it.</summary>
    /// <param name="plan">The first pass.</param>
    /// <exception cref="RequestException">Its size is smaller than that of the first, or too large.</exception>
    internal ImageRequest SecondPass(GenerationPlan plan)
    {
        (int width, int height) = HiresPass!.SizeFor(plan.Width, plan.Height);
        return this with
        {
            Width = width,
            Height = height,
            Steps = HiresPass.Steps ?? Steps,
            Timesteps = null,
            Sigmas = null,
            Scheduler = Scheduler is { } config ? config with { Timesteps = null, Sigmas = null } : null,
            NoiseSource = plan.Noise,
            InitialImage = null,
            Strength = null,
            InitialLatents = null,
            HiresPass = null,
        };
    }

    private void ValidateHires()
    {
        if (HiresPass is null)
        {
            return;
        }

        HiresPass.Validate(Steps);
        if (Mask is not null)
        {
            throw new RequestException(
                "HiresPass redoes the whole picture, but Mask keeps a part of it; give one or the other");
        }
    }
}
