using System;
using System.Linq;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;
using ControlNet.Native.Training;
using Xunit;

namespace ControlNet.Native.Tests.Training;

public sealed class SampleGridTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public void Every_pixel_is_where_it_belongs(int separator)
    {
        const int Width = 3, Height = 2;
        RgbImage[][] rows = [[Picture(1), Picture(2), Picture(3)], [Picture(4), Picture(5), Picture(6)]];

        RgbImage grid = SampleGrid.Compose(rows, separator);

        Assert.Equal((3 * Width + 2 * separator, 2 * Height + separator), (grid.Width, grid.Height));
        for (int y = 0; y < grid.Height; y++)
        {
            for (int x = 0; x < grid.Width; x++)
            {
                (int column, int inX) = Math.DivRem(x, Width + separator);
                (int row, int inY) = Math.DivRem(y, Height + separator);
                byte[] expected = inX < Width && inY < Height
                    ? rows[row][column].Pixels.Slice(3 * (inY * Width + inX), 3).ToArray()
                    : [128, 128, 128];
                Assert.Equal(expected, grid.Pixels.Slice(3 * (y * grid.Width + x), 3).ToArray());
            }
        }
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        RgbImage other = new(2, 3, new byte[18]);
        Assert.Equal(
            "SampleGrid: there is no picture; pass at least one row of one",
            Assert.Throws<ShapeException>(() => SampleGrid.Compose([])).Message);
        Assert.Equal(
            "SampleGrid: row 1 has 1 pictures, row 0 has 2; give each the same",
            Assert.Throws<ShapeException>(
                () => SampleGrid.Compose([[Picture(1), Picture(2)], [Picture(3)]])).Message);
        Assert.Equal(
            "SampleGrid: a picture of row 0 is 2 x 3 RGB, the first is 3 x 2 RGB; resize it",
            Assert.Throws<ShapeException>(() => SampleGrid.Compose([[Picture(1), other]])).Message);
        Assert.Equal(
            $"SampleGrid: 1 rows of 2 pictures of 3 x 2 RGB make {RgbImage.MaxPixels + 6} x 2 pixels, more than " +
            $"{RgbImage.MaxPixels}; show fewer",
            Assert.Throws<ShapeException>(
                () => SampleGrid.Compose([[Picture(1), Picture(2)]], RgbImage.MaxPixels)).Message);
    }

    private static RgbImage Picture(int seed) =>
        new(3, 2, [.. Enumerable.Range(0, 18).Select(i => (byte)(20 * seed + i))]);
}
