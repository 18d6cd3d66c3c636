using System.Collections.Generic;

namespace ControlNet.Native.Preprocessing;

/// <summary>One person. A point is null where none was found.</summary>
public sealed record PoseFigure
{
    /// <summary>Points of a body in COCO's order: nose, neck, arms, legs, eyes, ears.</summary>
    public const int BodyPoints = 18;

    /// <summary>Points of a hand: the wrist, then four of each finger from the thumb on.</summary>
    public const int HandPoints = 21;

    /// <summary>The body, <see cref="BodyPoints"/> points; empty for none.</summary>
    public IReadOnlyList<PosePoint?> Body { get; init; } = [];

    /// <summary>The left hand, <see cref="HandPoints"/> points; empty for none.</summary>
    public IReadOnlyList<PosePoint?> LeftHand { get; init; } = [];

    /// <summary>The right hand, <see cref="HandPoints"/> points; empty for none.</summary>
    public IReadOnlyList<PosePoint?> RightHand { get; init; } = [];

    /// <summary>Points of the face, any number; empty for none.</summary>
    public IReadOnlyList<PosePoint?> Face { get; init; } = [];
}
