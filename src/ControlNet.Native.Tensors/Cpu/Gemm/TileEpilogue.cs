using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ControlNet.Native.Tensors.Cpu.Gemm;

/// <summary>
/// What happens to the finished sums of a tile while they are still in the cache:
/// <c>y = act(scale * sum + bias + addRow) + addTensor</c>. Null pointers are absent terms.
/// </summary>
internal unsafe struct TileEpilogue
{
    public float Scale;

    /// <summary><c>[Columns]</c></summary>
    public float* Bias;

    /// <summary><c>[Images][Columns]</c>, one row for each image.</summary>
    public float* AddRow;

    /// <summary>Like y, which it may be.</summary>
    public float* AddTensor;

    public Activation Activation;

    public static TileEpilogue None => new() { Scale = 1 };

    /// <summary>Whether anything happens at all.</summary>
    public readonly bool IsNeeded =>
        Scale != 1 || Bias != null || AddRow != null || AddTensor != null || Activation != Activation.None;

    /// <summary>Finishes one tile.</summary>
    /// <param name="sums">First sum. May be where the result goes.</param>
    /// <param name="sumsStride">From one row of sums to the next, in floats.</param>
    /// <param name="y">First element of the whole result, <c>[rows][width]</c>.</param>
    /// <param name="width">Columns of the whole result.</param>
    /// <param name="tile">Where the tile lies.</param>
    /// <param name="column">First column of the tile in the result.</param>
    /// <param name="columns">Columns of the tile, at most 32.</param>
    public readonly void Apply(
        float* sums, long sumsStride, float* y, int width, in GemmTile tile, int column, int columns)
    {
        float* bias = Bias == null ? null : Bias + column;
        float* addRow = AddRow == null ? null : AddRow + ((long)tile.Image * width) + column;
        for (int r = 0; r < tile.Rows; r++)
        {
            long at = ((tile.FirstRow + r) * width) + column;
            float* row = sums + (r * sumsStride);
            float* added = AddTensor == null ? null : AddTensor + at;
            switch (Activation)
            {
                case Activation.Silu:
                    FinishRow<Silu>(row, bias, addRow, added, y + at, columns);
                    break;
                case Activation.Gelu:
                    FinishRow<Gelu>(row, bias, addRow, added, y + at, columns);
                    break;
                case Activation.QuickGelu:
                    FinishRow<QuickGelu>(row, bias, addRow, added, y + at, columns);
                    break;
                default:
                    FinishRow<Identity>(row, bias, addRow, added, y + at, columns);
                    break;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void FinishRow<TActivation>(
        float* sums, float* bias, float* addRow, float* added, float* y, int columns)
        where TActivation : struct, IEpilogue
    {
        int c = 0;
        if (typeof(TActivation) == typeof(Identity) && !Avx512F.IsSupported && Vector128.IsHardwareAccelerated)
        {
            // What the JIT makes of 512 bits on narrower registers costs more than the sums of a short product.
            Vector256<float> scale = Vector256.Create(Scale);
            for (; c <= columns - 8; c += 8)
            {
                Vector256<float> v = Vector256.Load(sums + c) * scale;
                v += bias == null ? Vector256<float>.Zero : Vector256.Load(bias + c);
                v += addRow == null ? Vector256<float>.Zero : Vector256.Load(addRow + c);
                v += added == null ? Vector256<float>.Zero : Vector256.Load(added + c);
                v.Store(y + c);
            }
        }
        else if (Vector128.IsHardwareAccelerated)
        {
            Vector512<float> scale = Vector512.Create(Scale);
            for (; c <= columns - 16; c += 16)
            {
                Vector512<float> v = Vector512.Load(sums + c) * scale;
                v += bias == null ? Vector512<float>.Zero : Vector512.Load(bias + c);
                v += addRow == null ? Vector512<float>.Zero : Vector512.Load(addRow + c);
                v = TActivation.Apply(v);
                v += added == null ? Vector512<float>.Zero : Vector512.Load(added + c);
                v.Store(y + c);
            }
        }

        for (; c < columns; c++)
        {
            float v = (sums[c] * Scale) + (bias == null ? 0 : bias[c]) + (addRow == null ? 0 : addRow[c]);
            y[c] = TActivation.Apply(v) + (added == null ? 0 : added[c]);
        }
    }
}
