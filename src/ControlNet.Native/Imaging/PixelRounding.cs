namespace ControlNet.Native.Imaging;

/// <summary>How a float becomes one of 256 steps.</summary>
public enum PixelRounding
{
    /// <summary>To the nearest step, halves to even, as Diffusers does (numpy's <c>round</c>).</summary>
    Nearest,

    /// <summary>Towards zero, as the original scripts do (numpy's <c>astype(uint8)</c>).</summary>
    Truncate,
}
