namespace ControlNet.Native;

/// <summary>A direction as seen in the picture. Each line has two neighbours, one for either way along it.</summary>
public enum ViewDirection
{
    /// <summary>To the right edge of the picture.</summary>
    Right,

    /// <summary>To the left edge.</summary>
    Left,

    /// <summary>To the upper edge.</summary>
    Up,

    /// <summary>To the lower edge.</summary>
    Down,

    /// <summary>Out of the picture, to the viewer.</summary>
    Toward,

    /// <summary>Into the picture, away from the viewer.</summary>
    Away,
}
