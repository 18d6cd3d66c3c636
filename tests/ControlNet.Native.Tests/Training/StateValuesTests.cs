using System;
using System.Buffers;
using System.Text.Json;
using ControlNet.Native.Training;
using Xunit;

namespace ControlNet.Native.Tests.Training;

public sealed class StateValuesTests
{
    [Fact]
    public void Values_come_back_exactly()
    {
        StateValues values = new();
        values.Set("step", long.MinValue);
        values.Set("seed", ulong.MaxValue);
        values.Set("third", 1.0 / 3);
        values.Set("one", 1.0);
        values.Set("minus zero", -0.0);
        values.Set("tiny", double.Epsilon);
        values.Set("huge", double.MaxValue);
        values.Set("text", "quote \" umlaut \u00e4 line\nend");
        values.Set("flag", true);

        StateValues read = Again(values);

        Assert.True(values.SameAs(read));
        Assert.Equal(long.MinValue, read.Whole("step"));
        Assert.Equal(ulong.MaxValue, read.UnsignedWhole("seed"));
        Assert.Equal(1.0 / 3, read.Number("third"));
        Assert.Equal(1.0, read.Number("one"));
        Assert.True(double.IsNegative(read.Number("minus zero")));
        Assert.Equal(double.Epsilon, read.Number("tiny"));
        Assert.Equal(double.MaxValue, read.Number("huge"));
        Assert.Equal("quote \" umlaut \u00e4 line\nend", read.Text("text"));
        Assert.True(read.Flag("flag"));
    }

    [Fact]
    public void What_is_missing_or_of_another_kind_is_named()
    {
        StateValues values = new();
        values.Set("text", "abc");
        values.Set("third", 1.0 / 3);
        values.Set("minus", -1);
        Assert.Equal(
            "the training state has no value 'x'; it was saved by another version or trainer",
            Assert.Throws<TrainingStateException>(() => values.Whole("x")).Message);
        Assert.Equal(
            "value 'text' of the training state is 'abc', not a whole number; it was saved by another version or " +
            "trainer",
            Assert.Throws<TrainingStateException>(() => values.Whole("text")).Message);
        Assert.Throws<TrainingStateException>(() => values.Whole("third"));
        Assert.Throws<TrainingStateException>(() => values.UnsignedWhole("minus"));
        Assert.Throws<TrainingStateException>(() => values.Text("third"));
        Assert.Throws<TrainingStateException>(() => values.Flag("third"));
        Assert.Throws<TrainingStateException>(() => values.Number("text"));
        Assert.Throws<ArgumentOutOfRangeException>(() => values.Set("x", double.NaN));
    }

    [Fact]
    public void Differences_are_told_in_words()
    {
        StateValues saved = new(), here = new();
        saved.Set("batch", 4);
        here.Set("batch", 8);
        saved.Set("same", "x");
        here.Set("same", "x");
        here.Set("new", true);
        Assert.Equal(["batch: 4, here 8", "new: absent, here true"], saved.Differences(here));
        Assert.False(saved.SameAs(here));
    }

    private static StateValues Again(StateValues values)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter writer = new(buffer))
        {
            values.Write(writer);
        }

        using JsonDocument json = JsonDocument.Parse(buffer.WrittenMemory);
        return StateValues.Read(json.RootElement);
    }
}
