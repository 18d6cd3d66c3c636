using System;
using System.Collections.Generic;
using ControlNet.Native.Imaging;
using ControlNet.Native.Training;

namespace ControlNet.Datasets;

/// <summary>Draws the hints of a scene, each from the farthest shape to the nearest.</summary>
internal static class HintDrawing
{
    // In image edges. At 128 pixels an edge is 1.5 pixels wide and a scribble 4.
    private const double EdgeWidth = 0.012;
    private const double ScribbleWidth = 0.031;
    private const double ScribbleWobble = 0.022;

    /// <summary>An edge stays visible however small the picture.</summary>
    private const double LeastEdgePixels = 1;

    /// <summary>How far a bevel reaches inward, as a part of the radius.</summary>
    private const double BevelPart = 0.45;

    private static readonly NamedColour s_black = new("black", 0, 0, 0);
    private static readonly NamedColour s_white = new("white", 255, 255, 255);

    /// <summary>By <see cref="ShapeKind"/>; none is a colour that shapes are painted in.</summary>
    private static readonly NamedColour[] s_labels =
    [
        new("circle", 180, 120, 120), new("square", 4, 200, 3), new("triangle", 224, 5, 255),
        new("star", 6, 230, 230), new("cross", 120, 120, 0),
    ];

    /// <summary>Draws one.</summary>
    public static RgbImage Draw(Scene scene, HintKind kind, int size)
    {
        Canvas canvas = new(size, kind == HintKind.Normals ? Encode(0, 0, 1) : s_black);
        for (int i = scene.Shapes.Count - 1; i >= 0; i--)
        {
            SceneShape shape = scene.Shapes[i];
            switch (kind)
            {
                case HintKind.Edges:
                    DrawLine(canvas, shape.Figure, Math.Max(EdgeWidth, LeastEdgePixels / size));
                    break;
                case HintKind.Depth:
                    byte grey = (byte)Math.Floor(shape.Nearness * 255 + 0.5);
                    canvas.Fill(shape.Figure, new NamedColour("grey", grey, grey, grey));
                    break;
                case HintKind.Normals:
                    DrawNormals(canvas, shape, 0.5 / size);
                    break;
                case HintKind.Segmentation:
                    canvas.FillHard(shape.Figure, s_labels[(int)shape.Kind]);
                    break;
                case HintKind.Scribble:
                    Figure wobbly = new WobblyFigure(shape.Figure, ScribbleWobble, scene.HandOf(i));
                    DrawLine(canvas, wobbly, ScribbleWidth);
                    break;
                default:
                    throw new ArgumentOutOfRangeException(nameof(kind), kind, "no such hint");
            }
        }

        return canvas.ToImage();
    }

    /// <summary>The colour of every kind of shape in segmentation hints.</summary>
    public static IReadOnlyList<NamedColour> Labels => s_labels;

    /// <summary>Blacks out what the shape hides, then draws its outline.</summary>
    private static void DrawLine(Canvas canvas, Figure figure, double width)
    {
        canvas.Fill(figure, s_black);
        canvas.Fill(figure.Outline(width), s_white);
    }

    /// <summary>
    /// A rim of a quarter circle: at the outline the surface looks sideways, at the bevel's end at the camera.
    /// </summary>
    private static void DrawNormals(Canvas canvas, SceneShape shape, double step)
    {
        Figure figure = shape.Figure;
        double bevel = BevelPart * shape.Radius;
        canvas.Fill(figure, (x, y) =>
        {
            double side = Math.Clamp(1 + figure.Distance(x, y) / bevel, 0, 1);
            (double outX, double outY) = figure.Gradient(x, y, step);
            double nx = side * outX, ny = -side * outY;
            return Encode(nx, ny, Math.Sqrt(Math.Max(0, 1 - nx * nx - ny * ny)));
        });
    }

    private static NamedColour Encode(double x, double y, double z) => new("normal", Level(x), Level(y), Level(z));

    private static byte Level(double value) => (byte)Math.Clamp(Math.Floor((value + 1) / 2 * 255 + 0.5), 0, 255);
}
