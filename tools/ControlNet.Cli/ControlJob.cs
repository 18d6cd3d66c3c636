using ControlNet.Native;
using ControlNet.Native.Control;
using ControlNet.Native.Imaging;

namespace ControlNet.Cli;

/// <summary>One control of an image to be made, its net not loaded yet.</summary>
/// <param name="Net">Path of the ControlNet.</param>
/// <param name="Hint">What it reads.</param>
/// <param name="Scale">How strongly it acts.</param>
/// <param name="Start">Share of the steps after which it begins.</param>
/// <param name="End">Share of the steps after which it ends.</param>
/// <param name="Mode">How it weighs against the prompt.</param>
internal sealed record ControlJob(
    string Net, RgbImage Hint, float Scale, double Start, double End, ControlMode Mode)
{
    /// <summary>The control as the library takes it.</summary>
    public ControlInput With(ControlNetModel net) =>
        new() { Net = net, Image = Hint, Scale = Scale, Start = Start, End = End, Mode = Mode };
}
