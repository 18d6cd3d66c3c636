using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ControlNet.Native.Tensors.Cpu.Gemm;

/// <summary>
/// Copies some pixels <c>[pixels][channels]</c> into panels and tiles that the micro-kernels read from end to end. A
/// pixel is read once, from its first channel to its last.
/// </summary>
internal static unsafe class PackPixels
{
    private const int Width = GemmKernel.PanelColumns;

    /// <summary>What a store may reach beyond its tile.</summary>
    private const int Slack = 16;

    /// <summary>From one packed tile to the next, in floats.</summary>
    public static long TileStep(int maxRows) => (WeightGradientLoop.BlockPixels * (long)maxRows) + Slack;

    /// <summary>Some panels of 32 channels, zero beyond the last channel: <c>[panels][panelPixels][32]</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Panels(
        float* source, int channels, int pixels, int firstPanel, int endPanel, float* packed, int panelPixels)
    {
        int full = Math.Min(endPanel, channels / Width);
        long step = (long)panelPixels * Width;
        for (int p = 0; p < pixels; p++, source += channels, packed += Width)
        {
            float* to = packed;
            int panel = firstPanel;
            for (; panel < full && Vector128.IsHardwareAccelerated; panel++, to += step)
            {
                Vector512.Load(source + (panel * Width)).Store(to);
                Vector512.Load(source + (panel * Width) + 16).Store(to + 16);
            }

            for (; panel < endPanel; panel++, to += step)
            {
                int width = Math.Min(Width, channels - (panel * Width));
                new ReadOnlySpan<float>(source + (panel * Width), width).CopyTo(new Span<float>(to, Width));
                new Span<float>(to + width, Width - width).Clear();
            }
        }
    }

    /// <summary>
    /// Some of <paramref name="tiles"/> nearly equal tiles of channels, each <c>[pixels][maxRows]</c> and
    /// <see cref="TileStep"/> from the next. What lies beyond the channels of a tile is undefined.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Tiles(
        float* source, int channels, int pixels, int tiles, int firstTile, int endTile, int maxRows, float* packed)
    {
        long step = TileStep(maxRows);
        for (int p = 0; p < pixels; p++, source += channels, packed += maxRows)
        {
            float* to = packed;
            for (int t = firstTile; t < endTile; t++, to += step)
            {
                int first = (int)((long)channels * t / tiles);
                if (Vector128.IsHardwareAccelerated && first <= channels - 16)
                {
                    Vector512.Load(source + first).Store(to);
                }
                else
                {
                    int count = (int)((long)channels * (t + 1) / tiles) - first;
                    new ReadOnlySpan<float>(source + first, count).CopyTo(new Span<float>(to, count));
                }
            }
        }
    }
}
