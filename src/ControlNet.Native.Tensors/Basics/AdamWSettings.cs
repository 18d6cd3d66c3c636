namespace ControlNet.Native.Tensors;

/// <summary>
/// What one step of AdamW needs to know besides the tensors. Defaults are those of PyTorch, with which ControlNet was
/// trained. Source: Loshchilov and Hutter, 2017, arXiv:1711.05101, algorithm 2.
/// </summary>
public readonly record struct AdamWSettings()
{
    /// <summary>Step length, not below 0. ControlNet on Stable Diffusion 1.5 was trained with 1e-5.</summary>
    public double LearningRate { get; init; } = 1e-5;

    /// <summary>How much of the mean of the gradients a step keeps, from 0 up to below 1.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>How much of the mean of the squared gradients a step keeps, from 0 up to below 1.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the root of the mean of squares, not below 0.</summary>
    public double Eps { get; init; } = 1e-8;

    /// <summary>Share of a parameter that a step of length 1 takes off, not below 0.</summary>
    public double WeightDecay { get; init; } = 1e-2;

    /// <summary>Factor of the gradients: what clipping by their norm leaves of them; 1 where there is none.</summary>
    public double GradientScale { get; init; } = 1;
}
