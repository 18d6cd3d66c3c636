using ControlNet.Native.Imaging;

namespace ControlNet.Native.Preprocessing;

/// <summary>A picture with a margin at its right and lower edge.</summary>
/// <param name="Image">The picture with its margin.</param>
/// <param name="ContentWidth">Columns that are not margin.</param>
/// <param name="ContentHeight">Rows that are not margin.</param>
public sealed record PaddedImage(RgbImage Image, int ContentWidth, int ContentHeight);
