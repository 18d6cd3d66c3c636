using System;
using System.Linq;

namespace ControlNet.Native;

/// <summary>Which way the three components of a normal point in the picture.</summary>
/// <param name="X">The first one; red where the normal is a colour.</param>
/// <param name="Y">The second one; green.</param>
/// <param name="Z">The third one; blue.</param>
public readonly record struct ViewAxes(ViewDirection X, ViewDirection Y, ViewDirection Z)
{
    /// <summary>View space of OpenGL, Blender, Godot and Unity's shaders: right, up, to the viewer.</summary>
    public static ViewAxes OpenGl => new(ViewDirection.Right, ViewDirection.Up, ViewDirection.Toward);

    /// <summary>View space of Direct3D: right, up, into the picture.</summary>
    public static ViewAxes Direct3D => new(ViewDirection.Right, ViewDirection.Up, ViewDirection.Away);

    /// <summary>Camera space of OpenCV and Vulkan: right, down, into the picture.</summary>
    public static ViewAxes OpenCv => new(ViewDirection.Right, ViewDirection.Down, ViewDirection.Away);

    /// <summary>
    /// What normal ControlNets read: red is left, green up, blue to the viewer. Source: ScanNet's convention, which
    /// control_v11p_sd15_normalbae learnt; the net of version 1.0 reads the same as blue, green, red.
    /// </summary>
    public static ViewAxes ControlNet => new(ViewDirection.Left, ViewDirection.Up, ViewDirection.Toward);

    /// <summary>Whether left and right, up and down, toward and away are each named once.</summary>
    internal bool AreAxes => new[] { X, Y, Z }.Select(Line).Order().SequenceEqual([0, 1, 2]);

    /// <summary>For each component the one of <paramref name="other"/> along the same line, and its sign.</summary>
    internal (int Component, int Sign)[] From(ViewAxes other)
    {
        ViewDirection[] given = [other.X, other.Y, other.Z];
        return
        [
            .. new[] { X, Y, Z }.Select(wanted =>
            {
                int component = Array.FindIndex(given, direction => Line(direction) == Line(wanted));
                return (component, given[component] == wanted ? 1 : -1);
            }),
        ];
    }

    private static int Line(ViewDirection direction) => (int)direction / 2;
}
