using System;
using System.Globalization;
using ControlNet.Native.Training;
using Xunit;

namespace ControlNet.Native.Tests.Training;

public sealed class ProgressTextTests
{
    [Fact]
    public void A_line_tells_all_there_is()
    {
        TrainingProgress progress = new(1200, 20_000, 0.041237, 15.34, TimeSpan.FromSeconds(1226.4), 1_503_238_554);
        const string Plain = "step  1200/20000 | loss 0.04124 | 15.3 images/s | 20 min 26 s left | 1.4 GiB";
        Assert.Equal(Plain, ProgressText.Line(progress));
        Assert.Equal(
            "step  1200/20000 | loss 0.04124 | fidelity 0.875 | 15.3 images/s | 20 min 26 s left | 1.4 GiB | " +
            "3 steps skipped",
            ProgressText.Line(progress with { Fidelity = 0.8749, SkippedSteps = 3 }));
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo comma = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            comma.NumberFormat.NumberDecimalSeparator = ",";
            CultureInfo.CurrentCulture = comma;
            Assert.Equal("1,5", 1.5.ToString(comma));
            Assert.Equal(Plain, ProgressText.Line(progress));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void What_is_not_known_yet_is_left_out() =>
        Assert.Equal(
            "step 0/5 | loss -", ProgressText.Line(new TrainingProgress(0, 5, double.NaN, double.NaN, null, 0)));

    [Theory]
    [InlineData(0, "0 s")]
    [InlineData(59.4, "59 s")]
    [InlineData(59.5, "1 min 00 s")]
    [InlineData(3599, "59 min 59 s")]
    [InlineData(3900, "1 h 05 min")]
    [InlineData(183_600, "2 d 3 h")]
    [InlineData(-5, "0 s")]
    public void Durations_have_two_units(double seconds, string expected) =>
        Assert.Equal(expected, ProgressText.Duration(TimeSpan.FromSeconds(seconds)));

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(1024, "1.0 KiB")]
    [InlineData((1 << 20) - 1, "1.0 MiB")]
    [InlineData(long.MaxValue, "8.0 EiB")]
    public void Bytes_have_a_unit(long bytes, string expected) => Assert.Equal(expected, ProgressText.Bytes(bytes));

    [Theory]
    [InlineData(0, "0.000")]
    [InlineData(0.041237, "0.04124")]
    [InlineData(1.5, "1.500")]
    [InlineData(123.456, "123.5")]
    [InlineData(123_456, "123456")]
    [InlineData(1.2346e-7, "1.235E-7")]
    public void Losses_have_four_digits_that_count(double value, string expected) =>
        Assert.Equal(expected, ProgressText.Significant(value, 4));
}
