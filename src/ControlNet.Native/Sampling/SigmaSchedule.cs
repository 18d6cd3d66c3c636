namespace ControlNet.Native.Sampling;

/// <summary>How noise levels are spaced between the largest and the smallest.</summary>
public enum SigmaSchedule
{
    /// <summary>The levels the model was trained at, picked by <see cref="TimestepSpacing"/>.</summary>
    Normal,

    /// <summary>Evenly in sigma^(1/7). Karras et al., 2022, arXiv:2206.00364, eq. 5.</summary>
    Karras,

    /// <summary>Evenly in log sigma.</summary>
    Exponential,

    /// <summary>
    /// Evenly in the half log signal-to-noise ratio. Lu et al., 2022, arXiv:2206.00927; DPM-Solver++ multistep only.
    /// </summary>
    Lu,
}
