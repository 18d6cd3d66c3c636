namespace ControlNet.Native.Tensors.Contracts;

/// <summary>
/// What a packed weight of a convolution holds. The backend chooses it at packing; each call hands it back in
/// <see cref="Conv2dDims.Form"/>.
/// </summary>
internal enum Conv2dForm
{
    /// <summary>The weights themselves, in their storage type; any kernel, stride and padding.</summary>
    Direct,

    /// <summary>The weights transformed for Winograd's F(2x2, 3x3), F32; stride 1, any padding.</summary>
    Winograd2,

    /// <summary>The weights transformed for Winograd's F(4x4, 3x3), F32; stride 1, any padding.</summary>
    Winograd4,
}
