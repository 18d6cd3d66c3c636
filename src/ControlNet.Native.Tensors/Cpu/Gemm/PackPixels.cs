using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ControlNet.Native.Tensors.Cpu.Gemm;

/// <summary>
/// Copies some pixels <c>[pixels][channels]</c> into panels; a pixel is read once, from its first channel to its last.
/// </summary>
internal static unsafe class PackPixels
{
    private const int Width = GemmKernel.PanelColumns;

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
}
