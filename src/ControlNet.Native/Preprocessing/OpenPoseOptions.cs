namespace ControlNet.Native.Preprocessing;

/// <summary>What <see cref="OpenPose"/> draws.</summary>
public sealed record OpenPoseOptions
{
    /// <summary>Largest edge, in pixels.</summary>
    public const int MaxEdge = 8192;

    /// <summary>Which generation of nets the picture is for.</summary>
    public OpenPoseStyle Style { get; init; } = OpenPoseStyle.V11;

    /// <summary>Width of the picture, 1 to <see cref="MaxEdge"/>; null for that of the canvas.</summary>
    public int? Width { get; init; }

    /// <summary>Height of the picture, 1 to <see cref="MaxEdge"/>; null for that of the canvas.</summary>
    public int? Height { get; init; }

    /// <summary>Leaves hands out.</summary>
    public bool NoHands { get; init; }

    /// <summary>Leaves faces out.</summary>
    public bool NoFace { get; init; }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="PreprocessingException">A value is out of its range.</exception>
    internal void Check()
    {
        const string Name = nameof(OpenPoseOptions);
        OptionRange.Check($"{Name}.{nameof(Style)}", Style);
        OptionRange.Check($"{Name}.{nameof(Width)}", Width ?? 1, 1, MaxEdge);
        OptionRange.Check($"{Name}.{nameof(Height)}", Height ?? 1, 1, MaxEdge);
    }
}
