namespace ControlNet.Native.Preprocessing;

/// <summary>Which pixel stands for one outside the picture.</summary>
internal static class Border
{
    /// <summary>
    /// OpenCV's <c>BORDER_REFLECT_101</c>: the edge is a mirror and not doubled, <c>… 2 1 0 1 2 …</c>.
    /// </summary>
    /// <param name="i">Any index.</param>
    /// <param name="count">Pixels of the axis, from 1.</param>
    public static int Reflect101(int i, int count)
    {
        if (count == 1)
        {
            return 0;
        }

        int period = 2 * (count - 1);
        int at = ((i % period) + period) % period;
        return at < count ? at : period - at;
    }
}
