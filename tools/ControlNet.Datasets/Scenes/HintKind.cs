namespace ControlNet.Datasets;

/// <summary>What a hint says of a scene; its lower-case name is the name of its folder.</summary>
public enum HintKind
{
    /// <summary>White outlines on black, one line wide, hidden ones left out: Canny's edges of the drawing.</summary>
    Edges,

    /// <summary>Grey: the nearer the brighter, every shape flat at its own depth; the background is black.</summary>
    Depth,

    /// <summary>
    /// Surface normals as (n + 1) / 2: red to the right, green upward, blue toward the camera. Shapes are bevelled
    /// round their rim; the background faces the camera.
    /// </summary>
    Normals,

    /// <summary>One fixed colour for each kind of shape, without mixtures; the background is black.</summary>
    Segmentation,

    /// <summary>Thick white lines on black, as an unsteady hand draws the outlines.</summary>
    Scribble,
}
