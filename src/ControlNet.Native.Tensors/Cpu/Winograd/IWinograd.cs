namespace ControlNet.Native.Tensors.Cpu.Winograd;

/// <summary>
/// One of Winograd's algorithms F(m x m, 3 x 3) as a struct type argument: m x m outputs come of a patch of
/// (m + 2) x (m + 2) inputs by <c>Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A</c>, where only the product ⊙ is summed over channels. The
/// (m + 2)² elements of the transformed space are its points, numbered row by row.
/// Source: Lavin and Gray, 2016, "Fast algorithms for convolutional neural networks", arXiv:1509.09308.
/// </summary>
internal unsafe interface IWinograd
{
    /// <summary>m, the edge of the tile of outputs in pixels.</summary>
    static abstract int Tile { get; }

    /// <summary>Bᵀ d B for each of some channels.</summary>
    /// <param name="pixels">The channels of each pixel of a patch, row by row.</param>
    /// <param name="offset">First channel.</param>
    /// <param name="channels">Number of channels, a multiple of 16.</param>
    /// <param name="points">Where the channels of the first point go.</param>
    /// <param name="step">From one point to the next, in floats.</param>
    /// <param name="stage">Room for 16 lanes of each point.</param>
    static abstract void Input<TLanes, TVector>(
        float** pixels, long offset, int channels, float* points, long step, float* stage)
        where TLanes : struct, ILaneArithmetic<TVector>
        where TVector : unmanaged;

    /// <summary>G g Gᵀ for each of some elements.</summary>
    /// <param name="taps">The elements of the first of nine taps, row by row.</param>
    /// <param name="tapStep">From one tap to the next, in floats.</param>
    /// <param name="count">Number of elements, a multiple of 16.</param>
    /// <param name="points">Where the elements of the first point go.</param>
    /// <param name="step">From one point to the next, in floats.</param>
    /// <param name="stage">Room for 16 lanes of each point.</param>
    static abstract void Weight<TLanes, TVector>(
        float* taps, long tapStep, long count, float* points, long step, float* stage)
        where TLanes : struct, ILaneArithmetic<TVector>
        where TVector : unmanaged;

    /// <summary>Aᵀ s A for each of 32 columns.</summary>
    /// <param name="points">The 32 sums of the first point.</param>
    /// <param name="step">From one point to the next, in floats.</param>
    /// <param name="pixels">Receives <c>[m * m][32]</c>.</param>
    /// <param name="stage">Room for 16 lanes of each point.</param>
    static abstract void Output<TLanes, TVector>(float* points, long step, float* pixels, float* stage)
        where TLanes : struct, ILaneArithmetic<TVector>
        where TVector : unmanaged;
}
