namespace ControlNet.Native.Training;

/// <summary>
/// A running average that forgets: each value counts <c>decay</c> times as much as the one after it. The first values
/// are averaged as if nothing had been before them. Values that are not finite are passed over.
/// </summary>
/// <param name="decay">From 0 (no memory) to below 1.</param>
public sealed class ExponentialAverage(double decay)
{
    private double _sum;
    private double _weight;

    /// <summary>The average; NaN before the first value.</summary>
    public double Value => _sum / _weight;

    /// <summary>Adds a value.</summary>
    /// <returns>The average with it.</returns>
    public double Add(double value)
    {
        if (double.IsFinite(value))
        {
            _sum = decay * _sum + (1 - decay) * value;
            _weight = decay * _weight + (1 - decay);
        }

        return Value;
    }
}
