using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>
/// Group norm in three launches: moments of every channel of some pixels, statistics of every group, and the
/// normalised, activated store. Layer norm, one pixel and one group, is one launch. <c>kernels/group_norm.c</c>.
/// </summary>
internal sealed partial class GpuGroupNorm(GpuLauncher launcher) : IGroupNormKernels
{
    /// <summary>Threads of a block where each takes a channel of a part.</summary>
    private const int PartThreads = 256;

    /// <summary>Rows of one float for each channel of an image: MOMENTS and AFFINE of the kernels.</summary>
    private const int MomentRows = 3, AffineRows = 7;

    private static readonly KernelVariant[] s_moments =
        GpuActivations.Variants(new("group_norm", "group_norm_moments", new GridSize(PartThreads)));

    private static readonly KernelVariant s_statistics =
        new("group_norm", "group_norm_statistics", new GridSize(GpuGrid.TeamBlock));

    private static readonly KernelVariant[] s_apply =
        GpuActivations.Variants(new("group_norm", "group_norm_apply", GpuGrid.ElementBlock));

    private static readonly KernelVariant[] s_rows =
        GpuActivations.Variants(new("group_norm", "group_norm_rows", new GridSize(GpuGrid.TeamBlock)));

    public void Forward(in GroupNormDims d, BufferView x, BufferView gamma, BufferView beta, BufferView y)
    {
        if (IsRows(d))
        {
            int lanes = GpuGrid.Lanes(d.Channels, 1);
            launcher.Launch(
                s_rows.For(x.Type), RowGrid(d, lanes), x, gamma, beta, y, d.Batch, d.Channels, d.Eps, (int)d.Activation,
                lanes);
            return;
        }

        if (x.Count == 0)
        {
            return;
        }

        using MemoryBlock block = Statistics(d, x, gamma, beta, out BufferView affine);
        launcher.Launch(
            s_apply.For(x.Type), GpuGrid.Elements(x.Count), x, affine, y, x.Count, d.Spatial, d.Channels,
            (int)d.Activation);
    }

    private static bool IsRows(in GroupNormDims d) => d is { Spatial: 1, Groups: 1 };

    private static GridSize RowGrid(in GroupNormDims d, int lanes) =>
        GpuGrid.Blocks(d.Batch, GpuGrid.TeamBlock / lanes);

    /// <summary>
    /// Pixels a thread takes of its channel: few enough that there are threads for the whole device, and so many that
    /// what they leave to join is a small part of x. Depends on the image alone, so that an image gives the same bits
    /// in any batch.
    /// </summary>
    private static int PartPixels(in GroupNormDims d) => Math.Clamp(d.Spatial / 64, 32, 256);

    /// <summary>Mean, factor and shift of every channel of every image, in memory that belongs to the caller.</summary>
    private MemoryBlock Statistics(
        in GroupNormDims d, BufferView x, BufferView gamma, BufferView beta, out BufferView affine)
    {
        int partPixels = PartPixels(d), parts = (int)GpuGrid.Parts(d.Spatial, partPixels);
        long threads = (long)d.Batch * parts * d.Channels;
        affine = launcher.Scratch(DType.F32, AffineRows * (long)d.Batch * d.Channels, out MemoryBlock result);
        try
        {
            BufferView moments = launcher.Scratch(DType.F32, MomentRows * threads, out MemoryBlock block);
            using (block)
            {
                launcher.Launch(
                    s_moments.For(x.Type), GpuGrid.Blocks(threads, PartThreads), x, moments, threads, d.Spatial,
                    d.Channels, partPixels, parts);
                launcher.Launch(
                    s_statistics, new GridSize(d.Batch * d.Groups), moments, gamma, beta, affine, d.Spatial,
                    d.Channels, d.Groups, partPixels, parts, d.Eps);
            }

            return result;
        }
        catch
        {
            result.Dispose();
            throw;
        }
    }
}
