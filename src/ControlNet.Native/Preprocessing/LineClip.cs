namespace ControlNet.Native.Preprocessing;

/// <summary>Cuts lines to a picture, as OpenCV's <c>clipLine</c>: whole steps, cut towards zero.</summary>
internal static class LineClip
{
    private const int Left = 1, Right = 2, Above = 4, Below = 8;

    /// <summary>Moves the ends into <c>[0, width) x [0, height)</c>.</summary>
    /// <param name="width">Units of a row.</param>
    /// <param name="height">Units of a column.</param>
    /// <param name="a">One end.</param>
    /// <param name="b">The other end.</param>
    /// <returns>False for a line that does not meet the picture.</returns>
    public static bool Clip(long width, long height, ref (long X, long Y) a, ref (long X, long Y) b)
    {
        long right = width - 1, bottom = height - 1;
        int sideA = Side(a, right, bottom), sideB = Side(b, right, bottom);
        if ((sideA & sideB) == 0 && (sideA | sideB) != 0)
        {
            if ((sideA & (Above | Below)) != 0)
            {
                ToRow(ref a, b, sideA < Below ? 0 : bottom);
                sideA = Side(a, right, bottom) & (Left | Right);
            }

            if ((sideB & (Above | Below)) != 0)
            {
                ToRow(ref b, a, sideB < Below ? 0 : bottom);
                sideB = Side(b, right, bottom) & (Left | Right);
            }

            if ((sideA & sideB) == 0 && (sideA | sideB) != 0)
            {
                if (sideA != 0)
                {
                    ToColumn(ref a, b, sideA == Left ? 0 : right);
                    sideA = 0;
                }

                if (sideB != 0)
                {
                    ToColumn(ref b, a, sideB == Left ? 0 : right);
                    sideB = 0;
                }
            }
        }

        return (sideA | sideB) == 0;
    }

    private static int Side((long X, long Y) point, long right, long bottom) =>
        (point.X < 0 ? Left : point.X > right ? Right : 0) | (point.Y < 0 ? Above : point.Y > bottom ? Below : 0);

    private static void ToRow(ref (long X, long Y) moved, (long X, long Y) other, long row) =>
        moved = (
            moved.X + (long)((double)(row - moved.Y) * (other.X - moved.X) / (other.Y - moved.Y)), row);

    private static void ToColumn(ref (long X, long Y) moved, (long X, long Y) other, long column) =>
        moved = (
            column, moved.Y + (long)((double)(column - moved.X) * (other.Y - moved.Y) / (other.X - moved.X)));
}
