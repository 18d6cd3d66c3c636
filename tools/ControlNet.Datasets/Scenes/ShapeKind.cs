namespace ControlNet.Datasets;

/// <summary>What a shape of a scene is; its lower-case name is the word of the caption.</summary>
public enum ShapeKind
{
    /// <summary>A disc.</summary>
    Circle,

    /// <summary>Four equal sides.</summary>
    Square,

    /// <summary>Three equal sides.</summary>
    Triangle,

    /// <summary>Five points.</summary>
    Star,

    /// <summary>Two bars of equal length, one across the other.</summary>
    Cross,
}
