namespace ControlNet.Native.Tensors.Cpu.Gemm;

/// <summary>
/// What a run of <see cref="GemmDriver"/> multiplies. A plain product is one image of one line; a convolution is an
/// implicit product whose rows are pixels and whose depth is <c>Runs</c> stretches of contiguous memory, one for each
/// row of the kernel. Strides and steps are in elements.
/// </summary>
internal unsafe struct GemmProblem
{
    /// <summary>First element of a.</summary>
    public float* A;

    /// <summary>From one row of a to the next; when <see cref="TransposeA"/>, from one k to the next.</summary>
    public long StrideA;

    /// <summary>a is stored <c>[k][row]</c>. Only with one line and one run.</summary>
    public bool TransposeA;

    /// <summary>Rows in a line; a tile of the micro-kernel never crosses from one line to the next.</summary>
    public int LineRows;

    /// <summary>Lines in an image.</summary>
    public int ImageLines;

    /// <summary>Images; each has a row of its own in <see cref="TileEpilogue.AddRow"/>.</summary>
    public int Images;

    /// <summary>From one line of a to the next, and from one image to the next.</summary>
    public long LineStep, ImageStep;

    /// <summary>Stretches of k.</summary>
    public int Runs;

    /// <summary>Extent of k in one stretch.</summary>
    public int RunDepth;

    /// <summary>From one stretch of a to the next.</summary>
    public long RunStep;

    /// <summary>
    /// <c>[ceil(Columns / 32)][Runs * RunDepth][32]</c> of <see cref="PanelType"/>, zero beyond the last column.
    /// </summary>
    public void* Panels;

    public DType PanelType;

    /// <summary>Columns of the result.</summary>
    public int Columns;

    /// <summary><c>[Images * ImageLines * LineRows][Columns]</c></summary>
    public float* Y;

    /// <summary>What happens to the finished sums.</summary>
    public TileEpilogue Epilogue;

    /// <summary>Members of a two-dimensional batch of products.</summary>
    public int Batch0, Batch1;

    /// <summary>Steps along the two axes of the batch; 0 repeats an operand. y is dense.</summary>
    public long StepA0, StepA1, StepPanels0, StepPanels1;

    public readonly int Depth => Runs * RunDepth;

    public readonly int PanelCount => (Columns + GemmKernel.PanelColumns - 1) / GemmKernel.PanelColumns;

    public readonly long Rows => (long)Images * ImageLines * LineRows;

    /// <summary>A plain product of <paramref name="rows"/> rows; the operands are still to be set.</summary>
    public static GemmProblem Plain(int rows, int depth, int columns) => new()
    {
        StrideA = depth,
        LineRows = rows,
        ImageLines = 1,
        Images = 1,
        Runs = 1,
        RunDepth = depth,
        Columns = columns,
        Batch0 = 1,
        Batch1 = 1,
        Epilogue = TileEpilogue.None,
    };
}
