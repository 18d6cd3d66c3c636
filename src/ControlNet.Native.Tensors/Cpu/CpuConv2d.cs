using System;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tensors.Cpu.Gemm;

namespace ControlNet.Native.Tensors.Cpu;

/// <summary>
/// Convolution as an implicit product: for each row of the kernel the pixels under it lie next to each other in a
/// channels-last image, so a tile of output pixels reads its input in place, <c>kernel * In</c> floats at a time.
/// </summary>
/// <remarks>
/// Padding is made real in a copy of the image, a band of lines at a time: beyond the tensors at most
/// <see cref="MaxFrameBytes"/>, or what one line of output needs.
/// </remarks>
internal sealed unsafe partial class CpuConv2d(WorkerTeam team, CpuMemory memory, string? pinned = null)
    : IConv2dKernels
{
    /// <summary>A padded copy this large still lies in the last-level cache when the product reads it.</summary>
    internal const long MaxFrameBytes = 16L << 20;

    private void Direct(
        in Conv2dDims d, BufferView x, BufferView packed, BufferView bias, BufferView addRow, BufferView addTensor,
        BufferView y)
    {
        GemmProblem problem = new()
        {
            StrideA = (long)d.Stride * d.In,
            LineRows = d.OutWidth,
            Runs = d.Kernel,
            RunDepth = checked(d.Kernel * d.In),
            Panels = packed.Address,
            PanelType = packed.Type,
            Columns = d.Out,
            Batch0 = 1,
            Batch1 = 1,
            Epilogue = EpilogueOf(d, bias, addRow, addTensor),
        };
        if (d.Padding == default)
        {
            RunUnpadded(d, problem, x.Floats, y.Floats);
        }
        else
        {
            RunPadded(d, problem, x.Floats, y.Floats);
        }
    }

    private void RunUnpadded(in Conv2dDims d, GemmProblem problem, float* x, float* y)
    {
        problem.A = x;
        problem.Y = y;
        (problem.Images, problem.ImageLines) = (d.Batch, d.OutHeight);
        problem.RunStep = (long)d.Width * d.In;
        problem.LineStep = d.Stride * problem.RunStep;
        problem.ImageStep = d.Height * problem.RunStep;
        if (d.Kernel == 1 && d.Stride == 1)
        {
            // Every pixel is one row: lines and, unless they differ in addRow, images need not be told apart.
            problem.LineRows = checked(d.OutWidth * d.OutHeight);
            problem.ImageLines = 1;
            if (problem.Epilogue.AddRow == null)
            {
                problem.LineRows = checked(problem.LineRows * d.Batch);
                problem.Images = 1;
            }
        }

        GemmDriver.Run(team, problem);
    }

    private void RunPadded(in Conv2dDims d, GemmProblem problem, float* x, float* y)
    {
        (long frameLine, int images, int lines) = FrameOf(d);
        using MemoryBlock frame = memory.Allocate(FrameBytes(d));
        for (int image = 0; image < d.Batch; image += images)
        {
            for (int line = 0; line < d.OutHeight; line += lines)
            {
                RunBand(
                    d, problem, x, y, (float*)frame.HostAddress, frameLine,
                    image, Math.Min(images, d.Batch - image), line, Math.Min(lines, d.OutHeight - line));
            }
        }
    }

    /// <summary>Bytes of the padded copy; 0 without padding.</summary>
    private static long FrameBytes(in Conv2dDims d)
    {
        if (d.Padding == default)
        {
            return 0;
        }

        (long frameLine, int images, int lines) = FrameOf(d);
        return checked(images * FrameLines(d, lines) * frameLine * sizeof(float));
    }

    /// <summary>
    /// Floats of a padded line, and how many images or lines of one image are copied at a time: whole images as long as
    /// they fit, else a band.
    /// </summary>
    private static (long FrameLine, int Images, int Lines) FrameOf(in Conv2dDims d)
    {
        long frameLine = (long)(d.Width + d.Padding.Left + d.Padding.Right) * d.In;
        long imageBytes = checked(FrameLines(d, d.OutHeight) * frameLine * sizeof(float));
        int images = (int)Math.Clamp(MaxFrameBytes / Math.Max(1, imageBytes), 1, Math.Max(1, d.Batch));
        int lines = d.OutHeight;
        if (imageBytes > MaxFrameBytes)
        {
            long linesThatFit = ((MaxFrameBytes / (frameLine * sizeof(float))) - d.Kernel) / d.Stride;
            lines = (int)Math.Clamp(linesThatFit, 1, d.OutHeight);
        }

        return (frameLine, images, lines);
    }

    /// <summary>Lines of the padded image under some lines of the result.</summary>
    private static long FrameLines(in Conv2dDims d, int outLines) => ((outLines - 1L) * d.Stride) + d.Kernel;

    private void RunBand(
        in Conv2dDims d, GemmProblem problem, float* x, float* y, float* frame, long frameLine,
        int firstImage, int images, int firstLine, int lines)
    {
        int frameLines = ((lines - 1) * d.Stride) + d.Kernel;
        PadLoop pad = new()
        {
            Source = x + ((long)firstImage * d.Height * d.Width * d.In),
            Frame = frame,
            Height = d.Height,
            FrameLines = frameLines,
            FirstLine = (firstLine * d.Stride) - d.Padding.Top,
            LineFloats = (long)d.Width * d.In,
            FrameLineFloats = frameLine,
            LeftFloats = (long)d.Padding.Left * d.In,
        };
        team.For(images * frameLines, ref pad);

        long firstRow = (((long)firstImage * d.OutHeight) + firstLine) * d.OutWidth;
        problem.A = frame;
        problem.Y = y + (firstRow * d.Out);
        (problem.Images, problem.ImageLines) = (images, lines);
        problem.RunStep = frameLine;
        problem.LineStep = d.Stride * frameLine;
        problem.ImageStep = frameLines * frameLine;
        if (problem.Epilogue.AddRow != null)
        {
            problem.Epilogue.AddRow += (long)firstImage * d.Out;
        }

        if (problem.Epilogue.AddTensor != null)
        {
            problem.Epilogue.AddTensor += firstRow * d.Out;
        }

        GemmDriver.Run(team, problem);
    }

    private static TileEpilogue EpilogueOf(
        in Conv2dDims d, BufferView bias, BufferView addRow, BufferView addTensor) => new()
        {
            Scale = 1,
            Bias = FloatsOrNull(bias),
            AddRow = FloatsOrNull(addRow),
            AddTensor = FloatsOrNull(addTensor),
            Activation = d.Activation,
        };

    private static float* FloatsOrNull(BufferView view) => view.IsNone ? null : view.Floats;
}
