using System;
using ControlNet.Native.Tensors;

namespace ControlNet.Native;

/// <content>Normals.</content>
public sealed partial class ControlHint
{
    private const string NormalMethod = $"{nameof(ControlHint)}.{nameof(FromNormals)}";

    /// <summary>
    /// A hint of surface normals: each is turned to the axes the net reads, brought to length 1, and written as
    /// <c>(n + 1) / 2</c>. A normal of length 0, where there is no surface, faces the viewer.
    /// </summary>
    /// <param name="normals">
    /// Exactly <c>height * width * 3</c> finite numbers, <c>[height, width, 3]</c>, components in [-1, 1], in view
    /// space: relative to the camera.
    /// </param>
    /// <param name="width">Pixels of a row, from 1.</param>
    /// <param name="height">Rows, from 1.</param>
    /// <param name="from">Which way the components point, for example <see cref="ViewAxes.OpenGl"/>.</param>
    /// <param name="to">
    /// Which way red, green and blue point in what the net was trained on; null for
    /// <see cref="ViewAxes.ControlNet"/>.
    /// </param>
    /// <exception cref="ShapeException">The sizes do not fit together.</exception>
    /// <exception cref="RequestException">A value is no finite number, or three axes are not three.</exception>
    public static ControlHint FromNormals(
        ReadOnlySpan<float> normals, int width, int height, ViewAxes from, ViewAxes? to = null)
    {
        CheckSize(NormalMethod, nameof(normals), normals.Length, width, height, channels: 3);
        CheckFinite(NormalMethod, nameof(normals), normals);
        ViewAxes read = to ?? ViewAxes.ControlNet;
        CheckAxes(nameof(from), from);
        CheckAxes(nameof(to), read);
        (int Component, int Sign)[] turn = read.From(from);
        (int Component, int Sign)[] facing = read.From(ViewAxes.OpenGl);
        float[] values = new float[normals.Length];
        for (int at = 0; at < values.Length; at += 3)
        {
            (double x, double y, double z) = (normals[at], normals[at + 1], normals[at + 2]);
            double length = Math.Sqrt((x * x) + (y * y) + (z * z));
            for (int c = 0; c < 3; c++)
            {
                double unit = length > 0 ? turn[c].Sign * normals[at + turn[c].Component] / length
                    : facing[c].Component == 2 ? facing[c].Sign
                    : 0;
                values[at + c] = (float)((unit + 1) / 2);
            }
        }

        return new ControlHint(values, width, height, 3);
    }

    private static void CheckAxes(string name, ViewAxes axes)
    {
        if (!axes.AreAxes)
        {
            throw new RequestException(
                $"{NormalMethod}: {name} is ({axes.X}, {axes.Y}, {axes.Z}), but must have one of Right and " +
                "Left, one of Up and Down, and one of Toward and Away");
        }
    }
}
