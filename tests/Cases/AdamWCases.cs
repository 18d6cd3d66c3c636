using System.Collections.Generic;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Cases;

/// <summary>A range of parameters to step: what the tests check and the benchmark times.</summary>
/// <param name="Name">Where it comes from; the row label of test and benchmark reports.</param>
/// <param name="X">The parameters.</param>
/// <param name="Settings">Of the step.</param>
public sealed record AdamWCase(string Name, Shape X, AdamWSettings Settings)
{
    /// <summary>Elements read and written in a step, for bandwidths.</summary>
    public long ElementsMoved => 7 * X.Count;

    /// <summary>Writes the name.</summary>
    public override string ToString() => Name;
}

/// <summary>Steps of the optimiser worth checking and timing.</summary>
public static class AdamWCases
{
    /// <summary>Below and around a vector, more than one item of work, and every setting off its default.</summary>
    public static IEnumerable<AdamWCase> Edges()
    {
        yield return new("nothing", new Shape(3, 0), new AdamWSettings());
        yield return new("one", new Shape(1), new AdamWSettings());
        yield return new("15", new Shape(15), new AdamWSettings());
        yield return new("3 x 33", new Shape(3, 33), new AdamWSettings());
        yield return new("in items", new Shape(50_001), new AdamWSettings());
        yield return new(
            "all settings", new Shape(77),
            new AdamWSettings
            {
                LearningRate = 1e-2, Beta1 = 0.8, Beta2 = 0.95, Eps = 1e-6, WeightDecay = 0.1, GradientScale = 0.25,
            });
        yield return new("no means", new Shape(40), new AdamWSettings { Beta1 = 0, Beta2 = 0, LearningRate = 1e-3 });
    }

    /// <summary>Parameters of a ControlNet for Stable Diffusion 1.5.</summary>
    public static IEnumerable<AdamWCase> StableDiffusion15()
    {
        yield return new("zero convolution, down 0", new Shape(320, 320, 1, 1), new AdamWSettings());
        yield return new("convolution, down 3", new Shape(1280, 1280, 3, 3), new AdamWSettings());
    }
}
