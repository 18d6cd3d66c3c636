using System.Runtime.CompilerServices;

namespace ControlNet.Native.Tensors.Cpu.Winograd;

/// <summary>
/// F(2x2, 3x3): 16 products for 4 outputs that take 36 directly. Interpolated at 0, ±1 and infinity, so that inputs
/// and sums are only added.
/// </summary>
internal readonly unsafe struct WinogradF2 : IWinograd
{
    private const int Edge = 4;

    public static int Tile => 2;

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
                    stage + (x * lanes), Edge * lanes);
            }

            for (int y = 0; y < Edge; y++)
            {
                float* line = stage + (y * Edge * lanes);
                InputLine<TLanes, TVector>(
                    TLanes.Load(line), TLanes.Load(line + lanes), TLanes.Load(line + (2 * lanes)),
                    TLanes.Load(line + (3 * lanes)), points + (y * Edge * step) + c, step);
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
                    TLanes.Load(from + (3 * Edge * step)), stage + (x * lanes), Edge * lanes);
            }

            for (int y = 0; y < 2; y++)
            {
                float* line = stage + (y * Edge * lanes);
                OutputLine<TLanes, TVector>(
                    TLanes.Load(line), TLanes.Load(line + lanes), TLanes.Load(line + (2 * lanes)),
                    TLanes.Load(line + (3 * lanes)), pixels + (y * 2 * Columns) + c, Columns);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void InputLine<TLanes, TVector>(
        TVector d0, TVector d1, TVector d2, TVector d3, float* to, long step)
        where TLanes : struct, ILaneArithmetic<TVector>
        where TVector : unmanaged
    {
        TLanes.Store(TLanes.Subtract(d0, d2), to);
        TLanes.Store(TLanes.Add(d1, d2), to + step);
        TLanes.Store(TLanes.Subtract(d2, d1), to + (2 * step));
        TLanes.Store(TLanes.Subtract(d1, d3), to + (3 * step));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WeightLine<TLanes, TVector>(TVector g0, TVector g1, TVector g2, float* to, long step)
        where TLanes : struct, ILaneArithmetic<TVector>
        where TVector : unmanaged
    {
        TVector half = TLanes.Create(0.5f);
        TVector even = TLanes.Multiply(half, TLanes.Add(g0, g2)), odd = TLanes.Multiply(half, g1);
        TLanes.Store(g0, to);
        TLanes.Store(TLanes.Add(even, odd), to + step);
        TLanes.Store(TLanes.Subtract(even, odd), to + (2 * step));
        TLanes.Store(g2, to + (3 * step));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void OutputLine<TLanes, TVector>(
        TVector s0, TVector s1, TVector s2, TVector s3, float* to, long step)
        where TLanes : struct, ILaneArithmetic<TVector>
        where TVector : unmanaged
    {
        TLanes.Store(TLanes.Add(TLanes.Add(s0, s1), s2), to);
        TLanes.Store(TLanes.Subtract(TLanes.Subtract(s1, s2), s3), to + step);
    }
}
