using System;
using System.Collections.Generic;
using System.Globalization;

namespace ControlNet.Native.Training;

/// <summary>A mark on an axis.</summary>
/// <param name="Position">In pixels.</param>
/// <param name="Label">Its number.</param>
internal readonly record struct PlotTick(double Position, string Label);

/// <summary>Takes values to pixels and chooses round numbers to label.</summary>
internal sealed class PlotAxis
{
    private static readonly int[][] s_mantissas = [[1], [1, 3], [1, 2, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9]];

    private readonly double _low;
    private readonly double _high;
    private readonly double _start;
    private readonly double _end;
    private readonly bool _logarithmic;

    private PlotAxis(double low, double high, double start, double end, bool logarithmic)
    {
        (_low, _high, _start, _end, _logarithmic) = (low, high, start, end, logarithmic);
    }

    /// <summary>An axis on which equal differences are equally long.</summary>
    /// <param name="low">The value at <paramref name="start"/>.</param>
    /// <param name="high">The value at <paramref name="end"/>; one more where it is not above the other.</param>
    /// <param name="start">In pixels.</param>
    /// <param name="end">In pixels.</param>
    public static PlotAxis Linear(double low, double high, double start, double end) =>
        new(low, high > low ? high : low + 1, start, end, logarithmic: false);

    /// <summary>An axis on which equal quotients are equally long, with a little room at both ends.</summary>
    /// <param name="low">The smallest value, above 0.</param>
    /// <param name="high">The largest value.</param>
    /// <param name="start">In pixels.</param>
    /// <param name="end">In pixels.</param>
    public static PlotAxis Logarithmic(double low, double high, double start, double end)
    {
        double room = Math.Max(1.02, Math.Pow(high / low, 0.04));
        return new PlotAxis(low / room, high * room, start, end, logarithmic: true);
    }

    /// <summary>Where a value lies, in pixels.</summary>
    public double Position(double value)
    {
        double part = _logarithmic
            ? Math.Log(value / _low) / Math.Log(_high / _low)
            : (value - _low) / (_high - _low);
        return _start + part * (_end - _start);
    }

    /// <summary>Round numbers on the axis.</summary>
    /// <param name="most">About how many there may be.</param>
    public IReadOnlyList<PlotTick> Ticks(int most)
    {
        List<double> values = [];
        for (int i = 0; _logarithmic && i < s_mantissas.Length && values.Count < 3; i++)
        {
            values = Decades(s_mantissas[i]);
        }

        // Less than a third of a decade has no three round powers.
        return [.. (values.Count < 3 ? Steps(most) : values).ConvertAll(v => new PlotTick(Position(v), Label(v)))];
    }

    /// <summary>A number as short as it can be, for example <c>0.05</c>, <c>2e-5</c>, <c>15000</c>.</summary>
    public static string Label(double value)
    {
        double size = Math.Abs(value);
        string format = size is (> 0 and < 1e-3) or >= 1e6 ? "0.###e0" : "0.#####";
        return value.ToString(format, CultureInfo.InvariantCulture);
    }

    private List<double> Decades(int[] mantissas)
    {
        List<double> values = [];
        for (int power = (int)Math.Floor(Math.Log10(_low)); power <= Math.Log10(_high); power++)
        {
            foreach (int mantissa in mantissas)
            {
                double value = mantissa * Math.Pow(10, power);
                if (value >= _low && value <= _high)
                {
                    values.Add(value);
                }
            }
        }

        return values;
    }

    /// <summary>Multiples of 1, 2 or 5 times a power of ten.</summary>
    private List<double> Steps(int most)
    {
        double least = (_high - _low) / Math.Max(1, most);
        double power = Math.Pow(10, Math.Floor(Math.Log10(least)));
        double step = least <= power ? power
            : least <= 2 * power ? 2 * power
            : least <= 5 * power ? 5 * power
            : 10 * power;
        List<double> values = [];
        double slack = 1e-9 * step;

        // Adding zero makes a plain zero of a negative one.
        for (double i = Math.Ceiling((_low - slack) / step) + 0.0; i * step <= _high + slack; i++)
        {
            values.Add(i * step);
        }

        return values;
    }
}
