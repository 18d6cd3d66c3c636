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
        switch (Activation)
        {
            case Activation.Silu:
                Finish<Silu>(sums, sumsStride, y, width, tile, column, columns);
                break;
            case Activation.Gelu:
                Finish<Gelu>(sums, sumsStride, y, width, tile, column, columns);
                break;
            case Activation.QuickGelu:
                Finish<QuickGelu>(sums, sumsStride, y, width, tile, column, columns);
                break;
            case Activation.GeluTanh:
                Finish<GeluTanh>(sums, sumsStride, y, width, tile, column, columns);
                break;
            case Activation.Sigmoid:
                Finish<Sigmoid>(sums, sumsStride, y, width, tile, column, columns);
                break;
            case Activation.Relu:
                Finish<Relu>(sums, sumsStride, y, width, tile, column, columns);
                break;
            case Activation.Tanh:
                Finish<Tanh>(sums, sumsStride, y, width, tile, column, columns);
                break;
            default:
                Finish<Identity>(sums, sumsStride, y, width, tile, column, columns);
                break;
        }
    }

    /// <summary>Goes down the rows of 16 columns at a time, so that bias and row stay in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Finish<TActivation>(
        float* sums, long sumsStride, float* y, int width, in GemmTile tile, int column, int columns)
        where TActivation : struct, IEpilogue
    {
        long first = (tile.FirstRow * width) + column;
        y += first;
        float* bias = Bias == null ? null : Bias + column;
        float* addRow = AddRow == null ? null : AddRow + ((long)tile.Image * width) + column;
        float* added = AddTensor == null ? null : AddTensor + first;
        int rows = tile.Rows, c = 0;
        if (typeof(TActivation) == typeof(Identity) && !Avx512F.IsSupported && Vector128.IsHardwareAccelerated)
        {
            // What the JIT makes of 512 bits on narrower registers costs more than the sums of a short product.
            Vector256<float> scale = Vector256.Create(Scale);
            for (; c <= columns - 8; c += 8)
            {
                Vector256<float> b = bias == null ? Vector256<float>.Zero : Vector256.Load(bias + c);
                Vector256<float> t = addRow == null ? Vector256<float>.Zero : Vector256.Load(addRow + c);
                for (long r = 0, s = c, d = c; r < rows; r++, s += sumsStride, d += width)
                {
                    Vector256<float> v = (Vector256.Load(sums + s) * scale) + b + t;
                    (added == null ? v : v + Vector256.Load(added + d)).Store(y + d);
                }
            }
        }
        else if (Vector128.IsHardwareAccelerated)
        {
            Vector512<float> scale = Vector512.Create(Scale);
            for (; c <= columns - 16; c += 16)
            {
                Vector512<float> b = bias == null ? Vector512<float>.Zero : Vector512.Load(bias + c);
                Vector512<float> t = addRow == null ? Vector512<float>.Zero : Vector512.Load(addRow + c);
                for (long r = 0, s = c, d = c; r < rows; r++, s += sumsStride, d += width)
                {
                    Vector512<float> v = TActivation.Apply((Vector512.Load(sums + s) * scale) + b + t);
                    (added == null ? v : v + Vector512.Load(added + d)).Store(y + d);
                }
            }
        }

        for (; c < columns; c++)
        {
            float b = bias == null ? 0 : bias[c], t = addRow == null ? 0 : addRow[c];
            for (long r = 0, s = c, d = c; r < rows; r++, s += sumsStride, d += width)
            {
                float v = TActivation.Apply((sums[s] * Scale) + b + t);
                y[d] = added == null ? v : v + added[d];
            }
        }
    }
}
