namespace ControlNet.Native.Tensors.Cpu.Gemm;

/// <summary>Where an item of <see cref="WeightGradientLoop"/> is.</summary>
internal unsafe struct WeightGradientItem
{
    /// <summary>Its tiles of inputs, and its panels of 32 outputs.</summary>
    public int FirstTile, EndTile, FirstPanel, EndPanel;

    /// <summary>The inputs of its tiles.</summary>
    public int FirstInput, Inputs;

    /// <summary>The pixels at hand, of y, in their image.</summary>
    public int FirstPixel, EndPixel;

    /// <summary>Whether the panel at hand has no outputs beyond <see cref="GemmKernel.NarrowColumns"/>.</summary>
    public bool IsNarrow;

    /// <summary>The image at hand: x and dy as the tensors hold them.</summary>
    public float* X, DY;

    /// <summary>The pixels at hand of dy, <c>[panels][block][32]</c>.</summary>
    public float* PackedDY;

    /// <summary><c>[panels][Inputs][taps][32]</c></summary>
    public float* Sums;
}
