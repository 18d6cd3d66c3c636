namespace ControlNet.Native.Training;

/// <summary>A colour and the words a prompt has for it.</summary>
/// <param name="Name">For example <c>burly wood</c>.</param>
/// <param name="Red">0 to 255.</param>
/// <param name="Green">0 to 255.</param>
/// <param name="Blue">0 to 255.</param>
public readonly record struct NamedColour(string Name, byte Red, byte Green, byte Blue)
{
    /// <summary>Euclidean distance of the bytes, 0 to 441.7, squared: 0 to 195075.</summary>
    public int SquaredDistance(byte red, byte green, byte blue)
    {
        int r = Red - red, g = Green - green, b = Blue - blue;
        return r * r + g * g + b * b;
    }

    /// <summary>As the other overload, to another colour.</summary>
    public int SquaredDistance(NamedColour other) => SquaredDistance(other.Red, other.Green, other.Blue);
}
