using ControlNet.Native.Cases;

namespace ControlNet.Native.Tests.Support;

/// <content>
/// Gradients of a convolution from its definition: y[n, oy, ox, o] has the term x[n, iy, ix, i] w[o, i, ky, kx] where
/// iy = oy * stride + ky - top and ix = ox * stride + kx - left, so dx and dw take dy times the other factor.
/// </content>
internal static partial class ReferenceConv2d
{
    /// <summary>dx at a flat index of <c>[batch, height, width, in]</c>.</summary>
    public static double DataGradientAt(
        Conv2dCase c, int outHeight, int outWidth, float[] dy, float[] w, float[]? addTensor, long index)
    {
        long i = index % c.In, ix = index / c.In % c.Width, iy = index / c.In / c.Width % c.Height;
        long n = index / c.In / c.Width / c.Height;
        double sum = addTensor?[index] ?? 0;
        for (int ky = 0; ky < c.Kernel; ky++)
        {
            for (int kx = 0; kx < c.Kernel; kx++)
            {
                long y = iy + c.Padding.Top - ky, x = ix + c.Padding.Left - kx;
                if (y < 0 || x < 0 || y % c.Stride != 0 || x % c.Stride != 0
                    || y / c.Stride >= outHeight || x / c.Stride >= outWidth)
                {
                    continue;
                }

                for (int o = 0; o < c.Out; o++)
                {
                    sum += (double)dy[((((n * outHeight) + (y / c.Stride)) * outWidth) + (x / c.Stride)) * c.Out + o]
                        * w[((((o * (long)c.In) + i) * c.Kernel) + ky) * c.Kernel + kx];
                }
            }
        }

        return sum;
    }

    /// <summary>dWeight at a flat index of <c>[out, in, kernel, kernel]</c>.</summary>
    public static double WeightGradientAt(
        Conv2dCase c, int outHeight, int outWidth, float[] x, float[] dy, float[]? before, long index)
    {
        long kx = index % c.Kernel, ky = index / c.Kernel % c.Kernel;
        long i = index / c.Kernel / c.Kernel % c.In, o = index / c.Kernel / c.Kernel / c.In;
        double sum = before?[index] ?? 0;
        for (long n = 0; n < c.Batch; n++)
        {
            for (long oy = 0; oy < outHeight; oy++)
            {
                for (long ox = 0; ox < outWidth; ox++)
                {
                    long iy = (oy * c.Stride) + ky - c.Padding.Top, ix = (ox * c.Stride) + kx - c.Padding.Left;
                    if (iy >= 0 && ix >= 0 && iy < c.Height && ix < c.Width)
                    {
                        sum += (double)dy[((((n * outHeight) + oy) * outWidth) + ox) * c.Out + o]
                            * x[((((n * c.Height) + iy) * c.Width) + ix) * c.In + i];
                    }
                }
            }
        }

        return sum;
    }
}
