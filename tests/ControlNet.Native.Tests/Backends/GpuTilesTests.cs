using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Gpu;
using Xunit;

namespace ControlNet.Native.Tests.Backends;

public sealed class GpuTilesTests
{
    [Fact]
    public void Parts_cover_a_sum_once()
    {
        foreach (int depth in (int[])[0, 1, 15, 16, 255, 256, 257, 512, 1000, 11520, 262144, 1 << 30])
        {
            foreach ((int rows, int columns) in ((int, int)[])[(1, 1), (64, 64), (320, 27), (64, 1280), (4096, 320)])
            {
                int parts = GpuTiles.Parts(rows, columns, depth, out int partDepth);
                Assert.Equal(0, partDepth % 16);
                Assert.InRange(parts, 1, 128);
                Assert.True((long)parts * partDepth >= depth, $"{parts} parts of {partDepth} are less than {depth}");
                Assert.True((parts - 1L) * partDepth < depth || parts == 1, $"the last of {parts} parts is empty");
            }
        }
    }

    /// <summary>Parts cost memory and a pass over it, which only blocks that would not run else are worth.</summary>
    [Theory]
    [InlineData(4096, 320, 2880, 1)]
    [InlineData(8192, 64, 4096, 1)]
    [InlineData(64, 1280, 11520, 6)]
    [InlineData(2, 1280, 320, 1)]
    [InlineData(16, 27, 262144, 128)]
    public void Sums_are_split_where_tiles_are_few(int rows, int columns, int depth, int parts) =>
        Assert.Equal(parts, GpuTiles.Parts(rows, columns, depth, out _));

    [Theory]
    [InlineData(DType.F32, DType.F32, 17, "WEIGHT=0 COLUMNS=64")]
    [InlineData(DType.F32, DType.F16, 16, "WEIGHT=1 COLUMNS=16")]
    [InlineData(DType.F32, DType.BF16, 3, "WEIGHT=2 COLUMNS=16")]
    [InlineData(DType.F16, DType.F16, 17, "ACT=1 WEIGHT=1 COLUMNS=64")]
    [InlineData(DType.F16, DType.F16, 3, "ACT=1 WEIGHT=1 COLUMNS=16")]
    public void Few_columns_have_a_narrow_tile(DType activations, DType storage, int columns, string defines) =>
        Assert.Equal(
            defines, GpuTiles.Choose(GpuTiles.Variants("matmul", "matmul"), activations, storage, columns).Defines);

    [Fact]
    public void A_grid_has_a_block_for_each_tile()
    {
        Assert.Equal(new GridSize(2 * 3 * 5), GpuTiles.Grid(65, 130, 5));
        Assert.Equal(new GridSize(2 * 1), GpuTiles.Grid(128, 16, 1));
        Assert.Equal(new GridSize(0), GpuTiles.Grid(0, 16, 1));
    }
}
