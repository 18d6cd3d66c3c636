using ControlNet.Native.Tensors;
using Xunit;

namespace ControlNet.Native.Tests.OpTests;

public sealed class ShapeTests
{
    [Fact]
    public void Prints_as_messages_show_it() => Assert.Equal("[2, 64, 64, 320]", new Shape(2, 64, 64, 320).ToString());

    [Fact]
    public void Refuses_a_fifth_extent() =>
        Assert.Equal(
            "a shape has at most 4 extents, got 5",
            Assert.Throws<ShapeException>(() => new Shape(1, 2, 3, 4, 5)).Message);
}
