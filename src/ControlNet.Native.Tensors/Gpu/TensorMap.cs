using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>
/// A tensor of halves as NVIDIA's Tensor Memory Accelerator copies it to a block's memory, a box at a time: what a
/// driver makes the parameter <c>MAP</c> of a kernel from. What lies outside of the tensor is copied as zeros.
/// </summary>
/// <remarks>Dimensions are innermost first; steps along the first are one element.</remarks>
internal sealed class TensorMap
{
    /// <summary>Dimensions, which every map has.</summary>
    public const int Rank = 4;

    /// <summary>Elements of a box along the first dimension: 128 bytes, a line of a tile.</summary>
    public const int BoxWidth = 64;

    private TensorMap(nint address) => Address = address;

    /// <summary>The first element on the device, aligned to 16 bytes.</summary>
    public nint Address { get; }

    /// <summary>Elements along the dimensions.</summary>
    public required long[] Extents { get; init; }

    /// <summary>Elements from one to the next along all dimensions but the first, multiples of eight.</summary>
    public required long[] Steps { get; init; }

    /// <summary>Lines of a box, or pixels of one of images.</summary>
    public required int BoxLines { get; init; }

    /// <summary>How pixels follow each other in a map of images; null for one of lines.</summary>
    public PixelWalk? Walk { get; private init; }

    /// <summary>Lines of an operand and two axes of a batch: boxes are some lines by <see cref="BoxWidth"/>.</summary>
    /// <param name="operand">Halves, aligned to 16 bytes.</param>
    /// <param name="length">Elements of a line, at least one.</param>
    /// <param name="lines">Their number, and the elements from one to the next.</param>
    /// <param name="batch1">The inner axis of the batch; members a step of 0 apart are one.</param>
    /// <param name="batch0">The outer axis.</param>
    /// <param name="boxLines">Lines of a box, 256 at most.</param>
    public static TensorMap OfLines(
        BufferView operand, int length, (int Count, long Step) lines, (int Count, long Step) batch1,
        (int Count, long Step) batch0, int boxLines) => new(AddressOf(operand))
        {
            Extents = [length, lines.Count, Members(batch1), Members(batch0)],
            Steps = [lines.Step, Step(batch1, lines.Step), Step(batch0, lines.Step)],
            BoxLines = boxLines,
        };

    /// <summary>
    /// Images <c>[images][height][width][channels]</c> as a convolution goes through them: boxes are
    /// <see cref="BoxWidth"/> channels of the pixels that so many results in a row begin with.
    /// </summary>
    /// <param name="x">Halves, aligned to 16 bytes.</param>
    /// <param name="images">Their number.</param>
    /// <param name="height">Lines of an image.</param>
    /// <param name="width">Pixels of a line.</param>
    /// <param name="channels">Channels of a pixel, a multiple of eight.</param>
    /// <param name="walk">From where to where results go.</param>
    /// <param name="boxPixels">Pixels of a box, 1024 at most.</param>
    public static TensorMap OfImages(
        BufferView x, int images, int height, int width, int channels, PixelWalk walk, int boxPixels) =>
        new(AddressOf(x))
        {
            Extents = [channels, width, height, images],
            Steps = [channels, (long)width * channels, (long)height * width * channels],
            BoxLines = boxPixels,
            Walk = walk,
        };

    /// <summary>1 where members along an axis of a batch differ, else 0: what their number is multiplied by.</summary>
    public static int Moves(long step) => step == 0 ? 0 : 1;

    private static int Members((int Count, long Step) axis) => axis.Step == 0 ? 1 : axis.Count;

    private static long Step((int Count, long Step) axis, long instead) => axis.Step == 0 ? instead : axis.Step;

    private static nint AddressOf(BufferView view)
    {
        GpuBlock block = (GpuBlock)view.Block;
        return checked((nint)(block.Memory + block.Start + (view.Offset * view.Type.ElementBytes())));
    }
}

/// <summary>Where the results of a convolution lie in its source, by their first taps.</summary>
/// <param name="LowerX">The first pixel's place in a line; negative outside.</param>
/// <param name="LowerY">The first line's place in an image.</param>
/// <param name="UpperX">The last pixel's place, counted from the last of a line.</param>
/// <param name="UpperY">The last line's place, counted from the last of an image.</param>
/// <param name="Stride">From a result to the next.</param>
internal readonly record struct PixelWalk(int LowerX, int LowerY, int UpperX, int UpperY, int Stride)
{
    private const int MostStride = 8;

    /// <summary>Whether a map can have it.</summary>
    public bool Fits =>
        Stride <= MostStride && IsCorner(LowerX) && IsCorner(LowerY) && IsCorner(UpperX) && IsCorner(UpperY);

    private static bool IsCorner(int place) => place is >= sbyte.MinValue and <= sbyte.MaxValue;
}
