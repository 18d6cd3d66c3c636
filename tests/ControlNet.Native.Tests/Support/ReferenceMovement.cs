using System;
using System.Linq;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Tests.Support;

/// <summary>Where each element of a moved tensor comes from, coordinate by coordinate.</summary>
internal static partial class ReferenceMovement
{
    public static float[] Run(MovementCase call, float[] x, Shape result)
    {
        float[] y = new float[result.Count];
        int[] at = new int[result.Rank];
        for (int i = 0; i < y.Length; i++)
        {
            int rest = i;
            for (int axis = result.Rank - 1; axis >= 0; axis--)
            {
                (rest, at[axis]) = Math.DivRem(rest, result[axis]);
            }

            y[i] = x[Flatten(Source(call, at), call.X)];
        }

        return y;
    }

    private static int[] Source(MovementCase call, int[] at)
    {
        int[] from = [.. at];
        switch (call.Call)
        {
            case MovementCall.Permute:
                foreach ((int axis, int i) in call.Arguments.Select((axis, i) => (axis, i)))
                {
                    from[axis] = at[i];
                }

                return from;
            case MovementCall.Concat:
                int joined = call.Arguments[0] < 0 ? call.Arguments[0] + call.X.Rank : call.Arguments[0];
                int length = call.X[joined];
                from[joined] = at[joined] < length ? at[joined] : at[joined] == length ? 0 : at[joined] - length - 1;
                return from;
            case MovementCall.Slice:
                from[call.Arguments[0] < 0 ? call.Arguments[0] + call.X.Rank : call.Arguments[0]] += call.Arguments[1];
                return from;
            case MovementCall.Upsample:
                from[1] = Math.Min((int)Math.Floor(at[1] * (double)call.X[1] / call.Arguments[0]), call.X[1] - 1);
                from[2] = Math.Min((int)Math.Floor(at[2] * (double)call.X[2] / call.Arguments[1]), call.X[2] - 1);
                return from;
            case MovementCall.Gather:
                from[0] = call.Ids[at[0]];
                return from;
            default:
                throw new ArgumentOutOfRangeException(nameof(call));
        }
    }

    private static int Flatten(int[] at, Shape shape)
    {
        int place = 0;
        for (int axis = 0; axis < shape.Rank; axis++)
        {
            place = (place * shape[axis]) + at[axis];
        }

        return place;
    }
}
