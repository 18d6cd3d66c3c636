using System.Collections.Generic;
using ControlNet.Native;
using ControlNet.Native.Control;

namespace ControlNet.Cli;

/// <summary>One control of an image to be made, its net not loaded yet.</summary>
/// <param name="Net">Path of the ControlNet.</param>
/// <param name="Hint">What it reads.</param>
/// <param name="Scale">How strongly it acts.</param>
/// <param name="Start">Share of the steps after which it begins.</param>
/// <param name="End">Share of the steps after which it ends.</param>
/// <param name="Mode">How it weighs against the prompt.</param>
internal sealed record ControlJob(
    string Net, ControlHint Hint, float Scale, double Start, double End, ControlMode Mode)
{
    /// <summary>How the hint comes to the size of the result.</summary>
    public HintResize Resize { get; init; }

    /// <summary>Where in the result it acts; null for everywhere.</summary>
    public ControlMask? Mask { get; init; }

    /// <summary>A factor for each residual; null for 1.</summary>
    public IReadOnlyList<float>? Layers { get; init; }

    /// <summary>The scales of guess mode.</summary>
    public GuessRamp Ramp { get; init; }

    /// <summary>The control as the library takes it.</summary>
    public ControlInput With(ControlNetModel net) => new()
    {
        Net = net,
        Image = Hint,
        Scale = Scale,
        Start = Start,
        End = End,
        Mode = Mode,
        Resize = Resize,
        Mask = Mask,
        LayerScales = Layers,
        GuessRamp = Ramp,
    };
}
