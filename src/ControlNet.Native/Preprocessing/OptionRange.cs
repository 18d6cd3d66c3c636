using System;

namespace ControlNet.Native.Preprocessing;

/// <summary>Holds options to their ranges.</summary>
internal static class OptionRange
{
    /// <summary>Checks one number.</summary>
    /// <param name="name">Record and property, for example <c>CannyOptions.Low</c>.</param>
    /// <param name="value">What was asked for; NaN is never within a range.</param>
    /// <param name="low">The least allowed.</param>
    /// <param name="high">The most allowed.</param>
    /// <exception cref="PreprocessingException">It is out of its range.</exception>
    public static void Check(string name, double value, double low, double high)
    {
        if (!(value >= low && value <= high))
        {
            throw new PreprocessingException(FormattableString.Invariant(
                $"{name} is {value}, but must be from {low} to {high}"));
        }
    }

    /// <summary>Checks an enumeration.</summary>
    /// <exception cref="PreprocessingException">It is none of its values.</exception>
    public static void Check<T>(string name, T value) where T : struct, Enum
    {
        if (!Enum.IsDefined(value))
        {
            throw new PreprocessingException($"{name} is {value:D}, which is none of {string.Join(", ",
                Enum.GetNames<T>())}");
        }
    }
}
