using System;
using ControlNet.Native.Tensors;

namespace ControlNet.Native;

/// <content>Depth.</content>
public sealed partial class ControlHint
{
    private const string DepthMethod = $"{nameof(ControlHint)}.{nameof(FromDepth)}";

    /// <summary>
    /// A depth hint as the depth ControlNets learnt it: three equal channels, 1 (white) at the nearest and 0 (black) at
    /// the farthest. Values beyond the two ends are as at the ends; infinite ones, of a sky, too.
    /// </summary>
    /// <param name="depth">
    /// Exactly <c>height * width</c> values, <c>[height, width]</c>: distances, disparities, or what a depth buffer
    /// holds. No NaN.
    /// </param>
    /// <param name="width">Pixels of a row, from 1.</param>
    /// <param name="height">Rows, from 1.</param>
    /// <param name="near">
    /// The value that becomes white; null for the smallest finite one. The nearest thing in sight gives a better hint
    /// than the near plane of a camera. Larger than <paramref name="far"/> where values grow towards the viewer:
    /// disparities, a reversed depth buffer.
    /// </param>
    /// <param name="far">The value that becomes black; null for the largest finite one.</param>
    /// <param name="curve">How the values between spread.</param>
    /// <param name="invert">Makes the nearest black, for a net that learnt it so.</param>
    /// <exception cref="ShapeException">The sizes do not fit together.</exception>
    /// <exception cref="RequestException">A value is NaN, or the two ends leave nothing between.</exception>
    public static ControlHint FromDepth(
        ReadOnlySpan<float> depth, int width, int height, float? near = null, float? far = null,
        DepthCurve curve = DepthCurve.Linear, bool invert = false)
    {
        CheckSize(DepthMethod, nameof(depth), depth.Length, width, height, channels: 1);
        if (!Enum.IsDefined(curve))
        {
            throw new RequestException($"{DepthMethod}: curve {(int)curve} is not one of its values");
        }

        (float smallest, float largest) = FiniteRange(depth);
        (float white, float black) = (near ?? smallest, far ?? largest);
        CheckEnds(white, black, curve);
        bool inverse = curve == DepthCurve.Inverse;
        double top = inverse ? 1.0 / white : white, bottom = inverse ? 1.0 / black : black;
        float[] values = new float[checked(3 * depth.Length)];
        for (int i = 0; i < depth.Length; i++)
        {
            double z = inverse ? 1.0 / depth[i] : depth[i];
            float share = (float)Math.Clamp((z - bottom) / (top - bottom), 0, 1);
            values.AsSpan(3 * i, 3).Fill(invert ? 1f - share : share);
        }

        return new ControlHint(values, width, height, 3);
    }

    private static (float Smallest, float Largest) FiniteRange(ReadOnlySpan<float> depth)
    {
        (float smallest, float largest) = (float.PositiveInfinity, float.NegativeInfinity);
        for (int i = 0; i < depth.Length; i++)
        {
            if (float.IsNaN(depth[i]))
            {
                throw new RequestException($"{DepthMethod}: depth[{i}] is NaN, but must be a number");
            }

            if (float.IsFinite(depth[i]))
            {
                (smallest, largest) = (Math.Min(smallest, depth[i]), Math.Max(largest, depth[i]));
            }
        }

        return (smallest, largest);
    }

    private static void CheckEnds(float near, float far, DepthCurve curve)
    {
        bool inverse = curve == DepthCurve.Inverse;
        if (!float.IsFinite(near) || !(float.IsFinite(far) || (inverse && float.IsInfinity(far))))
        {
            throw new RequestException(FormattableString.Invariant(
                $"{DepthMethod}: near is {near} and far {far}, but both must be finite numbers"));
        }

        if (near == far)
        {
            throw new RequestException(FormattableString.Invariant(
                $"{DepthMethod}: near and far are both {near}, but must differ; give both for a flat depth"));
        }

        if (inverse && !(near != 0 && far != 0 && near > 0 == far > 0))
        {
            throw new RequestException(FormattableString.Invariant(
                $"{DepthMethod}: near is {near} and far {far}, but {nameof(DepthCurve.Inverse)} needs both ") +
                $"above 0 or both below; take {nameof(DepthCurve.Linear)} for the values of a depth buffer");
        }
    }
}
