namespace ControlNet.Native;

/// <summary>
/// How a hint, and the mask of its control, come to the size of the result. The names in brackets are those of the
/// A1111 extension.
/// </summary>
public enum HintResize
{
    /// <summary>
    /// Width and height on their own, so that all of the hint covers all of the result ("Just Resize").
    /// </summary>
    Stretch,

    /// <summary>
    /// In its own proportions, large enough to cover the result; what stands out is cut off on both sides alike
    /// ("Crop and Resize").
    /// </summary>
    Crop,

    /// <summary>
    /// In its own proportions, as large as fits into the result; the rest gets the median of the hint's edge pixels,
    /// channel by channel ("Resize and Fill").
    /// </summary>
    Fill,
}
