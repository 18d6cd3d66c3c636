namespace ControlNet.Native.Imaging;

/// <summary>What the float values of a picture span.</summary>
public enum PixelRange
{
    /// <summary>0 is black and 1 is full intensity: control images.</summary>
    ZeroToOne,

    /// <summary>-1 is black and 1 is full intensity: what the autoencoder reads and writes.</summary>
    MinusOneToOne,
}
