using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Imaging;

namespace ControlNet.Native.Preprocessing;

/// <summary>
/// Draws keypoints as coloured skeletons on black, to the bit as lllyasviel/ControlNet and sd-webui-controlnet do with
/// OpenCV. Finding the keypoints in a photograph takes a network and is not done here.
/// </summary>
public static class OpenPose
{
    private const int LimbWidth = 4, PointRadius = 4, FaceRadius = 3, HandLine = 2;

    /// <summary>Hands and faces are not drawn at places nearer to the upper or left edge than this.</summary>
    private const double Edge = 0.01;

    /// <summary>Colour of a point, and of the limb of the same index.</summary>
    private static readonly (byte Red, byte Green, byte Blue)[] s_colours =
    [
        (255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0), (0, 255, 0),
        (0, 255, 85), (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255), (0, 0, 255), (85, 0, 255),
        (170, 0, 255), (255, 0, 255), (255, 0, 170), (255, 0, 85),
    ];

    private static readonly (int From, int To)[] s_limbs =
    [
        (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13),
        (1, 0), (0, 14), (14, 16), (0, 15), (15, 17),
    ];

    /// <summary>Draws a document.</summary>
    /// <param name="pose">The figures.</param>
    /// <param name="options">Style and size; null for the defaults. In another size than that of the canvas the points
    /// move along, and lines keep their width.</param>
    /// <exception cref="PreprocessingException">An option is out of its range, or neither the document nor the options
    /// tell the size.</exception>
    public static RgbImage Draw(PoseDocument pose, OpenPoseOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(pose);
        options ??= new OpenPoseOptions();
        options.Check();
        if ((options.Width ?? pose.Width) is not int width || (options.Height ?? pose.Height) is not int height)
        {
            throw new PreprocessingException(
                $"{nameof(OpenPoseOptions)}.{nameof(options.Width)} and {nameof(OpenPoseOptions)}." +
                $"{nameof(options.Height)} must be given: the keypoints come without a canvas");
        }

        double scaleX = width / (double)(pose.Width ?? width), scaleY = height / (double)(pose.Height ?? height);
        IReadOnlyList<PoseFigure> figures = scaleX == 1 && scaleY == 1
            ? pose.Figures
            : [.. pose.Figures.Select(figure => Scaled(figure, scaleX, scaleY))];
        PoseCanvas canvas = new(width, height);
        if (options.Style == OpenPoseStyle.V10)
        {
            DrawBlended(canvas, figures);
        }
        else
        {
            foreach (PoseFigure figure in figures)
            {
                DrawFigure(canvas, figure, options);
            }
        }

        return canvas.ToRgb();
    }

    /// <summary>The figure with its points moved by factors.</summary>
    internal static PoseFigure Scaled(PoseFigure figure, double scaleX, double scaleY)
    {
        return new PoseFigure
        {
            Body = Part(figure.Body),
            LeftHand = Part(figure.LeftHand),
            RightHand = Part(figure.RightHand),
            Face = Part(figure.Face),
        };

        PosePoint?[] Part(IReadOnlyList<PosePoint?> points) =>
        [
            .. points.Select(p => p is { } q
                ? new PosePoint(Near(q.X * scaleX), Near(q.Y * scaleY))
                : (PosePoint?)null),
        ];

        static double Near(double place) => Math.Clamp(place, -PoseReader.MaxCoordinate, PoseReader.MaxCoordinate);
    }

    /// <summary>ControlNet 1.0: all points, then limb by limb over all people.</summary>
    private static void DrawBlended(PoseCanvas canvas, IReadOnlyList<PoseFigure> figures)
    {
        for (int i = 0; i < s_colours.Length; i++)
        {
            foreach (PoseFigure figure in figures)
            {
                if (figure.Body.Count > 0 && figure.Body[i] is { } point)
                {
                    canvas.Disc((int)point.X, (int)point.Y, PointRadius, s_colours[i]);
                }
            }
        }

        for (int i = 0; i < s_limbs.Length; i++)
        {
            foreach (PoseFigure figure in figures)
            {
                if (Limb(figure, i) is { } limb)
                {
                    canvas.BlendConvex(limb, s_colours[i], 0.6f);
                }
            }
        }
    }

    /// <summary>ControlNet 1.1: limbs, points, hands, face.</summary>
    private static void DrawFigure(PoseCanvas canvas, PoseFigure figure, OpenPoseOptions options)
    {
        for (int i = 0; i < s_limbs.Length; i++)
        {
            if (Limb(figure, i) is { } limb)
            {
                canvas.FillConvex(limb, Dimmed(s_colours[i]));
            }
        }

        for (int i = 0; i < figure.Body.Count; i++)
        {
            if (figure.Body[i] is { } point)
            {
                canvas.Disc((int)point.X, (int)point.Y, PointRadius, s_colours[i]);
            }
        }

        if (!options.NoHands)
        {
            DrawHand(canvas, figure.LeftHand);
            DrawHand(canvas, figure.RightHand);
        }

        foreach (PosePoint? point in options.NoFace ? [] : figure.Face)
        {
            if (point is { } p && (int)p.X > Edge && (int)p.Y > Edge)
            {
                canvas.Disc((int)p.X, (int)p.Y, FaceRadius, (255, 255, 255));
            }
        }
    }

    private static void DrawHand(PoseCanvas canvas, IReadOnlyList<PosePoint?> hand)
    {
        const int Bones = PoseFigure.HandPoints - 1;
        for (int i = 0; i < Bones && hand.Count > 0; i++)
        {
            // Every finger starts at the wrist, point 0.
            if (hand[i % 4 == 0 ? 0 : i] is not { } from || hand[i + 1] is not { } to)
            {
                continue;
            }

            (int x, int y, int endX, int endY) = ((int)from.X, (int)from.Y, (int)to.X, (int)to.Y);
            if (x > Edge && y > Edge && endX > Edge && endY > Edge)
            {
                canvas.ThickLine(x, y, endX, endY, HandLine, Hue(i / (double)Bones));
            }
        }

        foreach (PosePoint? point in hand)
        {
            if (point is { } p && (int)p.X > Edge && (int)p.Y > Edge)
            {
                canvas.Disc((int)p.X, (int)p.Y, PointRadius, (0, 0, 255));
            }
        }
    }

    /// <summary>The outline of a limb; null where an end is missing.</summary>
    private static (int X, int Y)[]? Limb(PoseFigure figure, int index)
    {
        (int first, int second) = s_limbs[index];
        if (figure.Body.Count == 0 || figure.Body[first] is not { } from || figure.Body[second] is not { } to)
        {
            return null;
        }

        double dx = from.X - to.X, dy = from.Y - to.Y;
        double length = Math.Sqrt((dx * dx) + (dy * dy)), degrees = Math.Atan2(dy, dx) * (180 / Math.PI);
        return EllipseOutline.Of(
            (int)((from.X + to.X) / 2), (int)((from.Y + to.Y) / 2), (int)(length / 2), LimbWidth, (int)degrees);
    }

    private static (byte Red, byte Green, byte Blue) Dimmed((byte Red, byte Green, byte Blue) colour) =>
        ((byte)(colour.Red * 0.6), (byte)(colour.Green * 0.6), (byte)(colour.Blue * 0.6));

    /// <summary>Full saturation and value, as matplotlib's <c>hsv_to_rgb</c>.</summary>
    private static (byte Red, byte Green, byte Blue) Hue(double hue)
    {
        int sector = (int)(hue * 6);
        double fraction = (hue * 6) - sector;
        byte rising = (byte)Math.Round((1 - (1 - fraction)) * 255), falling = (byte)Math.Round((1 - fraction) * 255);
        return sector switch
        {
            0 => (255, rising, 0),
            1 => (falling, 255, 0),
            2 => (0, 255, rising),
            3 => (0, falling, 255),
            4 => (rising, 0, 255),
            _ => (255, 0, falling),
        };
    }
}
