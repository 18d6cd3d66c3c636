namespace ControlNet.Native.Bench.Table;

/// <summary>Who can be timed; each is a process of its own.</summary>
internal enum Contender
{
    /// <summary>This engine, choosing its algorithms.</summary>
    Ours,

    /// <summary>This engine with <c>CONTROLNET_FORCE=conv2d:direct</c>.</summary>
    OursDirect,

    /// <summary>PyTorch as it is installed.</summary>
    TorchDefault,

    /// <summary>PyTorch with the settings of <see cref="Contenders"/> that make it fastest.</summary>
    TorchTuned,

    /// <summary>ONNX Runtime.</summary>
    Onnx,
}
