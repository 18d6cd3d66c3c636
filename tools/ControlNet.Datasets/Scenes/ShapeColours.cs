using System.Collections.Generic;
using ControlNet.Native.Training;

namespace ControlNet.Datasets;

/// <summary>
/// The colours of scenes: few, with common names, no two nearer than 90 levels, so that a small model can learn them
/// and a pixel of its output can be told by the nearest one.
/// </summary>
public static class ShapeColours
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<NamedColour> All { get; } =
    [
        new("red", 225, 30, 35), new("green", 35, 155, 60), new("blue", 40, 70, 220), new("yellow", 250, 225, 45),
        new("orange", 250, 135, 20), new("purple", 135, 45, 175), new("cyan", 55, 205, 230),
        new("pink", 250, 150, 195), new("black", 15, 15, 15), new("white", 245, 245, 245),
    ];

    /// <summary>For example <c>an orange</c>.</summary>
    internal static string WithArticle(NamedColour colour) =>
        "aeiou".Contains(colour.Name[0], System.StringComparison.Ordinal) ? $"an {colour.Name}" : $"a {colour.Name}";
}
