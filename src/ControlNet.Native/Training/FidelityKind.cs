using ControlNet.Native.Imaging;

namespace ControlNet.Native.Training;

/// <summary>How a sample is held against the picture it was to become.</summary>
public enum FidelityKind
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>By where its edges lie: <see cref="EdgeF1"/> against those of the target.</summary>
    Edges,

    /// <summary>By where its foreground lies: <see cref="MaskIoU"/> against that of the target.</summary>
    Mask,
}

/// <summary>Measures samples.</summary>
internal static class SampleFidelity
{
    /// <returns>0 to 1.</returns>
    public static double Of(FidelityKind kind, RgbImage sample, RgbImage target) => kind switch
    {
        FidelityKind.Edges => EdgeF1.Of(EdgeF1.Edges(sample), EdgeF1.Edges(target)).F1,
        FidelityKind.Mask => MaskIoU.Of(sample, target),
        _ => 0,
    };
}
