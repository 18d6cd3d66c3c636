using System;
using System.Runtime.CompilerServices;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tensors.Cpu.Gemm;

namespace ControlNet.Native.Tensors.Cpu.Winograd;

/// <summary>Transforms sums back, runs the epilogue and stores the results.</summary>
internal static unsafe class WinogradResult<TAlgorithm, TLanes, TVector>
    where TAlgorithm : struct, IWinograd
    where TLanes : struct, ILaneArithmetic<TVector>
    where TVector : unmanaged
{
    private const int Width = GemmKernel.PanelColumns;

    /// <summary>Finishes one tile of a panel.</summary>
    /// <param name="problem">The convolution.</param>
    /// <param name="tileIndex">The tile, counted from the first of the first image.</param>
    /// <param name="panel">The panel of 32 output channels.</param>
    /// <param name="sums">The 32 sums of the first point.</param>
    /// <param name="sumStep">From one point to the next, in floats.</param>
    /// <param name="pixels">Room for 32 columns of each output of a tile.</param>
    /// <param name="stage">Room for 16 lanes of each point.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Store(
        in WinogradProblem problem, int tileIndex, int panel, float* sums, long sumStep, float* pixels, float* stage)
    {
        int column = panel * Width, columns = Math.Min(Width, problem.Dims.Out - column), edge = TAlgorithm.Tile;
        int outHeight = problem.Dims.OutHeight, outWidth = problem.Dims.OutWidth;
        TAlgorithm.Output<TLanes, TVector>(sums, sumStep, pixels, stage);
        (int image, int top, int left) = problem.PlaceOf(tileIndex);
        int lines = Math.Min(edge, outHeight - top);
        for (int line = 0; line < lines; line++)
        {
            GemmTile tile = new()
            {
                FirstRow = ((((long)image * outHeight) + top + line) * outWidth) + left,
                Rows = Math.Min(edge, outWidth - left),
                Image = image,
            };
            float* from = pixels + ((long)line * edge * Width);
            if (columns == Width && problem.Epilogue.Activation == Activation.None)
            {
                Store(problem, from, tile, column);
            }
            else
            {
                problem.Epilogue.Apply(from, Width, problem.Y, problem.Dims.Out, tile, column, columns);
            }
        }
    }

    /// <summary>The usual epilogue, without activation and for a whole panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(in WinogradProblem problem, float* from, in GemmTile tile, int column)
    {
        int width = problem.Dims.Out, lanes = TLanes.Count;
        float* bias = problem.Epilogue.Bias, row = problem.Epilogue.AddRow, added = problem.Epilogue.AddTensor;
        float* to = problem.Y;
        for (int r = 0; r < tile.Rows; r++)
        {
            long at = ((tile.FirstRow + r) * width) + column;
            for (int c = 0; c < Width; c += lanes)
            {
                TVector v = TLanes.Load(from + c);
                if (bias != null)
                {
                    v = TLanes.Add(v, TLanes.Load(bias + column + c));
                }

                if (row != null)
                {
                    v = TLanes.Add(v, TLanes.Load(row + ((long)tile.Image * width) + column + c));
                }

                if (added != null)
                {
                    v = TLanes.Add(v, TLanes.Load(added + at + c));
                }

                if (problem.Streams)
                {
                    TLanes.StoreStreaming(v, to + at + c);
                }
                else
                {
                    TLanes.Store(v, to + at + c);
                }
            }

            from += Width;
        }
    }
}
