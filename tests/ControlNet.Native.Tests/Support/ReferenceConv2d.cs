using ControlNet.Native.Cases;

namespace ControlNet.Native.Tests.Support;

/// <summary>One element of a convolution, in double.</summary>
internal static partial class ReferenceConv2d
{
    /// <summary>
    /// act(conv(x, w) + bias + addRow) + addTensor at a flat index of <c>[batch, outHeight, outWidth, out]</c>.
    /// </summary>
    public static double At(
        Conv2dCase c, int outHeight, int outWidth, float[] x, float[] w, float[]? bias, float[]? addRow,
        float[]? addTensor, long index)
    {
        long o = index % c.Out, ox = index / c.Out % outWidth, oy = index / c.Out / outWidth % outHeight;
        long n = index / c.Out / outWidth / outHeight;
        double sum = (bias?[o] ?? 0) + (addRow is null ? 0 : addRow[(n * c.Out) + o]);
        for (int ky = 0; ky < c.Kernel; ky++)
        {
            for (int kx = 0; kx < c.Kernel; kx++)
            {
                long iy = (oy * c.Stride) + ky - c.Padding.Top, ix = (ox * c.Stride) + kx - c.Padding.Left;
                if (iy < 0 || ix < 0 || iy >= c.Height || ix >= c.Width)
                {
                    continue;
                }

                for (int i = 0; i < c.In; i++)
                {
                    sum += (double)x[((((n * c.Height) + iy) * c.Width) + ix) * c.In + i]
                        * w[((((o * c.In) + i) * c.Kernel) + ky) * c.Kernel + kx];
                }
            }
        }

        return ReferencePointwise.Activate(c.Activation, sum) + (addTensor?[index] ?? 0);
    }
}
