using System;
using ControlNet.Native.Imaging;
using ControlNet.Native.Sampling;

namespace ControlNet.Native.Preprocessing;

/// <summary>
/// Warps a picture by a smooth random flow: colours and textures stay, places are lost. Source:
/// <c>ContentShuffleDetector</c> of lllyasviel/ControlNet; the same seed gives the same warp.
/// </summary>
public static class ContentShuffle
{
    /// <summary>Steps of a pixel that <c>cv2.remap</c> rounds places to.</summary>
    private const int Steps = 32;

    /// <summary>Warps a picture.</summary>
    /// <param name="image">Of any size.</param>
    /// <param name="options">Grid and seed; null for the defaults.</param>
    /// <exception cref="PreprocessingException">An option is out of its range.</exception>
    public static RgbImage Apply(RgbImage image, ContentShuffleOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(image);
        options ??= new ContentShuffleOptions();
        options.Check();
        int cells = NoiseCount(image.Width, image.Height, options.GridSize);
        Mt19937 random = new((uint)options.Seed);
        double[] x = Uniform(random, cells), y = Uniform(random, cells);
        return Warp(image, Flow(image.Width, image.Height, options.GridSize, x, y));
    }

    /// <summary>Values of one grid of noise: <c>(height / gridSize + 2) * (width / gridSize + 2)</c>.</summary>
    public static int NoiseCount(int width, int height, int gridSize) =>
        ((height / gridSize) + 2) * ((width / gridSize) + 2);

    /// <summary>Where each pixel is taken from.</summary>
    /// <param name="width">Pixels of a row.</param>
    /// <param name="height">Rows.</param>
    /// <param name="gridSize">Pixels from one value of the noise to the next.</param>
    /// <param name="noiseX">Noise for x in [0, 1), <c>[height / gridSize + 2, width / gridSize + 2]</c>.</param>
    /// <param name="noiseY">Noise for y, the same.</param>
    /// <returns>x and y in pixels, within the picture.</returns>
    /// <exception cref="PreprocessingException">A grid has another number of values.</exception>
    public static FloatImage Flow(
        int width, int height, int gridSize, ReadOnlySpan<double> noiseX, ReadOnlySpan<double> noiseY)
    {
        OptionRange.Check($"{nameof(ContentShuffle)}.{nameof(gridSize)}", gridSize, 8, 4096);
        int cells = NoiseCount(width, height, gridSize);
        if (noiseX.Length != cells || noiseY.Length != cells)
        {
            throw new PreprocessingException(
                $"ContentShuffle: grids of {noiseX.Length} and {noiseY.Length} values, but {width} x {height} pixels " +
                $"at a grid size of {gridSize} need {cells}");
        }

        double[] x = Smooth(noiseX, width, height, gridSize), y = Smooth(noiseY, width, height, gridSize);
        float[] flow = new float[checked(x.Length * 2)];
        for (int i = 0; i < x.Length; i++)
        {
            flow[2 * i] = (float)(x[i] * (width - 1));
            flow[(2 * i) + 1] = (float)(y[i] * (height - 1));
        }

        return FloatImage.Own(width, height, 2, flow);
    }

    /// <summary>Takes each pixel from its place, between pixels bilinearly, at 1 / 32 of a pixel.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="flow">x and y for each pixel of the result; places outside are clamped.</param>
    /// <exception cref="PreprocessingException">The flow has not two channels.</exception>
    public static RgbImage Warp(RgbImage image, FloatImage flow)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(flow);
        if (flow.Channels != 2)
        {
            throw new PreprocessingException($"ContentShuffle: the flow has {flow.Channels} channels, but must have 2");
        }

        int row = image.Width * 3;
        byte[] rgb = new byte[checked(flow.Width * flow.Height * 3)];
        for (int i = 0, at = 0; at < rgb.Length; i += 2, at += 3)
        {
            (int x, int right, int toRight) = Place(flow.Values[i], image.Width);
            (int y, int below, int toBelow) = Place(flow.Values[i + 1], image.Height);
            ReadOnlySpan<byte> upper = image.Pixels.Slice(y * row, row), lower = image.Pixels.Slice(below * row, row);
            for (int c = 0; c < 3; c++)
            {
                int top = (upper[(3 * x) + c] * (Steps - toRight)) + (upper[(3 * right) + c] * toRight);
                int bottom = (lower[(3 * x) + c] * (Steps - toRight)) + (lower[(3 * right) + c] * toRight);
                rgb[at + c] = (byte)(((top * (Steps - toBelow)) + (bottom * toBelow) + (Steps * Steps / 2))
                    / (Steps * Steps));
            }
        }

        return RgbImage.Own(flow.Width, flow.Height, rgb);
    }

    /// <summary>The neighbours of a place, and how many steps it lies behind the first.</summary>
    private static (int First, int Second, int Behind) Place(float position, int count)
    {
        int steps = (int)Math.Clamp(MathF.Round(position * Steps), 0f, (count - 1) * (float)Steps);
        int first = steps / Steps;
        return (first, Math.Min(first + 1, count - 1), steps % Steps);
    }

    /// <summary>
    /// Enlarges noise by cubic interpolation as if to the picture and a grid cell on every side, cuts the picture out
    /// and brings it to [0, 1].
    /// </summary>
    private static double[] Smooth(ReadOnlySpan<double> noise, int width, int height, int gridSize)
    {
        int gridWidth = (width / gridSize) + 2, gridHeight = (height / gridSize) + 2;
        AxisTaps columns = AxisTaps.Of(gridWidth, width + (2 * gridSize), Interpolation.Cubic);
        AxisTaps rows = AxisTaps.Of(gridHeight, height + (2 * gridSize), Interpolation.Cubic);
        double[] wide = new double[gridHeight * width];
        for (int i = 0; i < wide.Length; i++)
        {
            (int y, int x) = Math.DivRem(i, width);
            for (int k = (x + gridSize) * columns.Count; k < (x + gridSize + 1) * columns.Count; k++)
            {
                wide[i] += columns.Weights[k] * noise[(y * gridWidth) + columns.At[k]];
            }
        }

        double[] smooth = new double[checked(width * height)];
        double least = double.PositiveInfinity, most = double.NegativeInfinity;
        for (int i = 0; i < smooth.Length; i++)
        {
            (int y, int x) = Math.DivRem(i, width);
            for (int k = (y + gridSize) * rows.Count; k < (y + gridSize + 1) * rows.Count; k++)
            {
                smooth[i] += rows.Weights[k] * wide[(rows.At[k] * width) + x];
            }

            (least, most) = (Math.Min(least, smooth[i]), Math.Max(most, smooth[i]));
        }

        for (int i = 0; i < smooth.Length; i++)
        {
            smooth[i] = most > least ? (smooth[i] - least) / (most - least) : 0; // one pixel has no range
        }

        return smooth;
    }

    /// <summary>NumPy's <c>random_sample</c>: 53 bits of two draws.</summary>
    private static double[] Uniform(Mt19937 random, int count)
    {
        double[] values = new double[count];
        for (int i = 0; i < count; i++)
        {
            uint high = random.NextUInt32() >> 5, low = random.NextUInt32() >> 6;
            values[i] = ((high * 67108864.0) + low) / 9007199254740992.0;
        }

        return values;
    }
}
