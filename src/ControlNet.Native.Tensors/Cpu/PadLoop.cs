using System;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>Copies lines of images into a larger, zeroed frame. One item is one line of the frame.</summary>
internal unsafe struct PadLoop : IParallelWork
{
    /// <summary><c>[images][Height][Width * channels]</c></summary>
    public float* Source;

    /// <summary><c>[images][FrameLines][FrameLineFloats]</c></summary>
    public float* Frame;

    public int Height, FrameLines;

    /// <summary>Which line of the image lies in the first line of the frame; negative when zeros come first.</summary>
    public int FirstLine;

    /// <summary>Floats of a line of the source, of a line of the frame, and of the zeros before the pixels.</summary>
    public long LineFloats, FrameLineFloats, LeftFloats;

    public readonly void Run(int item, int worker)
    {
        (int image, int frameLine) = Math.DivRem(item, FrameLines);
        float* to = Frame + (item * FrameLineFloats);
        int line = FirstLine + frameLine;
        if (line < 0 || line >= Height)
        {
            Clear(to, FrameLineFloats);
            return;
        }

        Clear(to, LeftFloats);
        float* from = Source + ((((long)image * Height) + line) * LineFloats);
        Buffer.MemoryCopy(from, to + LeftFloats, LineFloats * sizeof(float), LineFloats * sizeof(float));
        Clear(to + LeftFloats + LineFloats, FrameLineFloats - LeftFloats - LineFloats);
    }

    private static void Clear(float* start, long count) => new Span<float>(start, checked((int)count)).Clear();
}
