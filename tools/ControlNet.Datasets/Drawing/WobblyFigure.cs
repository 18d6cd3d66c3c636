using System;

namespace ControlNet.Datasets;

/// <summary>
/// A figure as an unsteady hand would draw it: every point is looked up a little beside itself, by an amount that
/// changes smoothly over the image.
/// </summary>
internal sealed class WobblyFigure : Figure
{
    /// <summary>Cells of the noise along an image edge: how often the hand trembles.</summary>
    private const int Cells = 7;

    private readonly Figure _inner;
    private readonly double _amount;
    private readonly double[] _noise; // [2, Cells + 1, Cells + 1]: offsets in x and in y at the corners of the cells

    /// <summary>Creates the figure.</summary>
    /// <param name="inner">What is drawn; within the unit square.</param>
    /// <param name="amount">The largest offset in x and in y, in image edges, at most 0.03.</param>
    /// <param name="random">Where the offsets come from.</param>
    public WobblyFigure(Figure inner, double amount, RandomStream random)
    {
        _inner = inner;
        _amount = amount;
        _noise = new double[2 * (Cells + 1) * (Cells + 1)];
        for (int i = 0; i < _noise.Length; i++)
        {
            _noise[i] = random.Between(-1, 1);
        }
    }

    /// <summary>
    /// Within a cell an offset changes by 2 at most, easing makes that 1.5 times as steep, and there are 7 cells: an
    /// offset of 0.03 has a slope of up to 0.63 along x and along y, the looked-up point moves by up to 1 + 2 * 0.63.
    /// </summary>
    public override double Steepness => 2.5 * _inner.Steepness;

    /// <inheritdoc/>
    public override double Distance(double x, double y) =>
        _inner.Distance(x + _amount * Noise(0, x, y), y + _amount * Noise(1, x, y));

    private double Noise(int axis, double x, double y)
    {
        (int column, double right) = Cell(x);
        (int row, double down) = Cell(y);
        int at = (axis * (Cells + 1) + row) * (Cells + 1) + column, below = at + Cells + 1;
        double upper = _noise[at] + (_noise[at + 1] - _noise[at]) * right;
        double lower = _noise[below] + (_noise[below + 1] - _noise[below]) * right;
        return upper + (lower - upper) * down;
    }

    /// <summary>The cell, and how far into it, eased so that the noise has no kinks.</summary>
    private static (int Index, double Part) Cell(double position)
    {
        double scaled = Math.Clamp(position, 0, 1) * Cells;
        int index = Math.Min((int)scaled, Cells - 1);
        double part = scaled - index;
        return (index, part * part * (3 - 2 * part));
    }
}
