using System.Runtime.CompilerServices;

namespace ControlNet.Native.Tensors.Cpu.Winograd;

/// <summary>
/// F(4x4, 3x3): 36 products for 16 outputs that take 144 directly. The polynomials are interpolated at 0, ±5/8, ±3/2
/// and infinity; with the usual 0, ±1, ±2 the largest error would be four times larger.
/// Source of the choice: Barabasz, Anderson, Soodhalter and Gregg, 2020, "Error analysis and improving the accuracy of
/// Winograd convolution for deep neural networks", arXiv:1803.10986; the squares are exact in float32.
/// </summary>
internal readonly unsafe struct WinogradF4 : IWinograd
{
    private const int Edge = 6;

    /// <summary>The points a and b, their squares and cubes.</summary>
    private const float A = 0.625f, A2 = A * A, A3 = A * A * A, B = 1.5f, B2 = B * B, B3 = B * B * B;

    public static int Tile => 4;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Input<TLanes, TVector>(
        float** pixels, long offset, int channels, float* points, long step, float* stage)
        where TLanes : struct, ILaneArithmetic<TVector>
        where TVector : unmanaged
    {
        int lanes = TLanes.Count;
        for (int c = 0; c < channels; c += lanes)
        {
            long at = offset + c;
            for (int x = 0; x < Edge; x++)
            {
                InputLine<TLanes, TVector>(
                    TLanes.Load(pixels[x] + at), TLanes.Load(pixels[Edge + x] + at),
                    TLanes.Load(pixels[(2 * Edge) + x] + at), TLanes.Load(pixels[(3 * Edge) + x] + at),
                    TLanes.Load(pixels[(4 * Edge) + x] + at), TLanes.Load(pixels[(5 * Edge) + x] + at),
                    stage + (x * lanes), Edge * lanes);
            }

            for (int y = 0; y < Edge; y++)
            {
                float* line = stage + (y * Edge * lanes);
                InputLine<TLanes, TVector>(
                    TLanes.Load(line), TLanes.Load(line + lanes), TLanes.Load(line + (2 * lanes)),
                    TLanes.Load(line + (3 * lanes)), TLanes.Load(line + (4 * lanes)), TLanes.Load(line + (5 * lanes)),
                    points + (y * Edge * step) + c, step);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Weight<TLanes, TVector>(
        float* taps, long tapStep, long count, float* points, long step, float* stage)
        where TLanes : struct, ILaneArithmetic<TVector>
        where TVector : unmanaged
    {
        int lanes = TLanes.Count;
        for (long i = 0; i < count; i += lanes)
        {
            float* tap = taps + i;
            for (int x = 0; x < 3; x++)
            {
                WeightLine<TLanes, TVector>(
                    TLanes.Load(tap), TLanes.Load(tap + (3 * tapStep)), TLanes.Load(tap + (6 * tapStep)),
                    stage + (x * lanes), 3 * lanes);
                tap += tapStep;
            }

            for (int y = 0; y < Edge; y++)
            {
                float* line = stage + (y * 3 * lanes);
                WeightLine<TLanes, TVector>(
                    TLanes.Load(line), TLanes.Load(line + lanes), TLanes.Load(line + (2 * lanes)),
                    points + (y * Edge * step) + i, step);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Output<TLanes, TVector>(float* points, long step, float* pixels, float* stage)
        where TLanes : struct, ILaneArithmetic<TVector>
        where TVector : unmanaged
    {
        const int Columns = Gemm.GemmKernel.PanelColumns;
        int lanes = TLanes.Count;
        for (int c = 0; c < Columns; c += lanes)
        {
            for (int x = 0; x < Edge; x++)
            {
                float* from = points + (x * step) + c;
                OutputLine<TLanes, TVector>(
                    TLanes.Load(from), TLanes.Load(from + (Edge * step)), TLanes.Load(from + (2 * Edge * step)),
                    TLanes.Load(from + (3 * Edge * step)), TLanes.Load(from + (4 * Edge * step)),
                    TLanes.Load(from + (5 * Edge * step)), stage + (x * lanes), Edge * lanes);
            }

            for (int y = 0; y < 4; y++)
            {
                float* line = stage + (y * Edge * lanes);
                OutputLine<TLanes, TVector>(
                    TLanes.Load(line), TLanes.Load(line + lanes), TLanes.Load(line + (2 * lanes)),
                    TLanes.Load(line + (3 * lanes)), TLanes.Load(line + (4 * lanes)), TLanes.Load(line + (5 * lanes)),
                    pixels + (y * 4 * Columns) + c, Columns);
            }
        }
    }

    /// <summary>
    /// Bᵀ d: the coefficients of the products of all (x - p) but one, p = 0, a, -a, b, -b; the last has all five.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void InputLine<TLanes, TVector>(
        TVector d0, TVector d1, TVector d2, TVector d3, TVector d4, TVector d5, float* to, long step)
        where TLanes : struct, ILaneArithmetic<TVector>
        where TVector : unmanaged
    {
        TVector product = TLanes.Create(A2 * B2), minusSum = TLanes.Create(-(A2 + B2));
        TVector minusA2 = TLanes.Create(-A2), minusB2 = TLanes.Create(-B2);
        TLanes.Store(TLanes.Fma(product, d0, TLanes.Fma(minusSum, d2, d4)), to);
        TVector even = TLanes.Fma(minusB2, d2, d4), odd = TLanes.Fma(minusB2, d1, d3);
        TLanes.Store(TLanes.Fma(TLanes.Create(A), odd, even), to + step);
        TLanes.Store(TLanes.Fma(TLanes.Create(-A), odd, even), to + (2 * step));
        even = TLanes.Fma(minusA2, d2, d4);
        odd = TLanes.Fma(minusA2, d1, d3);
        TLanes.Store(TLanes.Fma(TLanes.Create(B), odd, even), to + (3 * step));
        TLanes.Store(TLanes.Fma(TLanes.Create(-B), odd, even), to + (4 * step));
        TLanes.Store(TLanes.Fma(product, d1, TLanes.Fma(minusSum, d3, d5)), to + (5 * step));
    }

    /// <summary>
    /// G g: g as a polynomial at each point, divided by the product of the point's distances to the others.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WeightLine<TLanes, TVector>(TVector g0, TVector g1, TVector g2, float* to, long step)
        where TLanes : struct, ILaneArithmetic<TVector>
        where TVector : unmanaged
    {
        const float AtZero = 1 / (A2 * B2), AtA = 1 / (2 * A2 * (A2 - B2)), AtB = 1 / (2 * B2 * (B2 - A2));
        TLanes.Store(TLanes.Multiply(TLanes.Create(AtZero), g0), to);
        TVector even = TLanes.Fma(
            TLanes.Create(A2 * AtA), g2, TLanes.Multiply(TLanes.Create(AtA), g0));
        TLanes.Store(TLanes.Fma(TLanes.Create(A * AtA), g1, even), to + step);
        TLanes.Store(TLanes.Fma(TLanes.Create(-A * AtA), g1, even), to + (2 * step));
        even = TLanes.Fma(TLanes.Create(B2 * AtB), g2, TLanes.Multiply(TLanes.Create(AtB), g0));
        TLanes.Store(TLanes.Fma(TLanes.Create(B * AtB), g1, even), to + (3 * step));
        TLanes.Store(TLanes.Fma(TLanes.Create(-B * AtB), g1, even), to + (4 * step));
        TLanes.Store(g2, to + (5 * step));
    }

    /// <summary>Aᵀ s: powers 0 to 3 of each point, the last power also from infinity.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void OutputLine<TLanes, TVector>(
        TVector s0, TVector s1, TVector s2, TVector s3, TVector s4, TVector s5, float* to, long step)
        where TLanes : struct, ILaneArithmetic<TVector>
        where TVector : unmanaged
    {
        TVector evenA = TLanes.Add(s1, s2), oddA = TLanes.Subtract(s1, s2);
        TVector evenB = TLanes.Add(s3, s4), oddB = TLanes.Subtract(s3, s4);
        TLanes.Store(TLanes.Add(TLanes.Add(s0, evenA), evenB), to);
        TLanes.Store(TLanes.Fma(TLanes.Create(B), oddB, TLanes.Multiply(TLanes.Create(A), oddA)), to + step);
        TLanes.Store(
            TLanes.Fma(TLanes.Create(B2), evenB, TLanes.Multiply(TLanes.Create(A2), evenA)), to + (2 * step));
        TLanes.Store(
            TLanes.Fma(TLanes.Create(B3), oddB, TLanes.Fma(TLanes.Create(A3), oddA, s5)),
            to + (3 * step));
    }
}
