using ControlNet.Native.Tensors;
using Xunit;

namespace ControlNet.Native.Tests.OpTests;

public sealed class ShapeTests
{
    [Fact]
    public void Prints_as_messages_show_it() => Assert.Equal("[2, 64, 64, 320]", new Shape(2, 64, 64, 320).ToString());

    [Fact]
    public void The_default_value_is_the_shape_of_a_scalar()
    {
        Shape scalar = new([]);
        foreach (Shape shape in (Shape[])[default, new()])
        {
            Assert.Equal(scalar, shape);
            Assert.Equal(scalar.GetHashCode(), shape.GetHashCode());
            Assert.Equal((0, 1L, "[]"), (shape.Rank, shape.Count, shape.ToString()));
        }
    }

    [Fact]
    public void Counts_elements_and_tells_extents_from_ranks()
    {
        Assert.Equal((24L, 0L), (new Shape(2, 3, 4).Count, new Shape(2, 0, 4).Count));
        Assert.Equal((2, 4), (new Shape(2, 3, 4)[0], new Shape(2, 3, 4)[-1]));
        Assert.NotEqual(new Shape(2), new Shape(2, 1));
    }

    [Fact]
    public void Refuses_a_fifth_extent() =>
        Assert.Equal(
            "a shape has at most 4 extents, got 5",
            Assert.Throws<ShapeException>(() => new Shape(1, 2, 3, 4, 5)).Message);

    [Fact]
    public void Refuses_an_axis_it_does_not_have() => Assert.Equal(
        "axis 3 does not exist in [2]", Assert.Throws<ShapeException>(() => new Shape(2)[3]).Message);

    [Fact]
    public void Refuses_more_elements_than_can_be_counted() => Assert.Equal(
        "extents [2147483647, 2147483647, 2147483647] have more elements than can be counted",
        Assert.Throws<ShapeException>(() => new Shape(int.MaxValue, int.MaxValue, int.MaxValue)).Message);
}
