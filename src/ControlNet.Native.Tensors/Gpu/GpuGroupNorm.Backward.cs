using System;
using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

/// <content>
/// Gradients: the statistics of forward once more, two sums for every channel of every image, and the store of dx. The
/// sums of a group, of gamma and of beta are all made of those of the channels.
/// </content>
internal sealed partial class GpuGroupNorm
{
    /// <summary>Threads of a block where each takes a channel, and the channels of a block that joins parts.</summary>
    private const int ChannelThreads = 128, JoinedChannels = 32;

    /// <summary>Least rows that a thread takes of its channel, and most parts there are of all rows.</summary>
    private const int LeastPartRows = 64, MostRowParts = 256;

    private static readonly KernelVariant s_gradientSums = Kernel("group_norm_gradient_sums", PartThreads);
    private static readonly KernelVariant s_gradientJoin = Kernel("group_norm_gradient_join", GpuGrid.TeamBlock);
    private static readonly KernelVariant s_gradientSlopes = Kernel("group_norm_gradient_slopes", GpuGrid.TeamBlock);
    private static readonly KernelVariant s_parameters = Kernel("group_norm_gradient_parameters", ChannelThreads);
    private static readonly KernelVariant s_rowMoments = Kernel("group_norm_gradient_row_moments", GpuGrid.TeamBlock);
    private static readonly KernelVariant s_rowsBackward = Kernel("group_norm_gradient_rows", GpuGrid.TeamBlock);

    private static readonly KernelVariant s_gradientApply =
        new("group_norm_gradient", "group_norm_gradient_apply", GpuGrid.ElementBlock);

    private static readonly KernelVariant s_rowParameterSums = Kernel("group_norm_gradient_row_sums", PartThreads);

    public void Backward(
        in GroupNormDims d, BufferView x, BufferView gamma, BufferView beta, BufferView dy, BufferView dx,
        BufferView dGamma, BufferView dBeta)
    {
        if (x.Count == 0)
        {
            StoreParameters(d, BufferView.None, 0, dGamma, dBeta);
            return;
        }

        if (IsRows(d))
        {
            BackwardRows(d, x, gamma, beta, dy, dx, dGamma, dBeta);
            return;
        }

        int partPixels = PartPixels(d), parts = (int)GpuGrid.Parts(d.Spatial, partPixels);
        long threads = (long)d.Batch * parts * d.Channels;
        using MemoryBlock statistics = Statistics(d, x, gamma, beta, out BufferView affine);
        BufferView sums = launcher.Scratch(DType.F32, 2 * threads, out MemoryBlock block);
        using (block)
        {
            BufferView joined = launcher.Scratch(DType.F32, 2L * d.Batch * d.Channels, out MemoryBlock joinedBlock);
            using (joinedBlock)
            {
                launcher.Launch(
                    s_gradientSums, GpuGrid.Blocks(threads, PartThreads), x, dy, affine, sums, threads, d.Spatial,
                    d.Channels, partPixels, parts, (int)d.Activation);
                launcher.Launch(
                    s_gradientJoin, GpuGrid.Blocks(d.Batch * GpuGrid.Parts(d.Channels, JoinedChannels), 1), sums,
                    affine, joined, d.Channels, parts);
                StoreParameters(d, joined, d.Batch, dGamma, dBeta);
                if (!dx.IsNone)
                {
                    launcher.Launch(
                        s_gradientSlopes, new GridSize(d.Batch * d.Groups), joined, gamma, affine, d.Spatial,
                        d.Channels, d.Groups);
                    launcher.Launch(
                        s_gradientApply, GpuGrid.Elements(x.Count), x, dy, affine, dx, x.Count, d.Spatial, d.Channels,
                        (int)d.Activation);
                }
            }
        }
    }

    /// <summary>Gradients of gamma and beta first: dx may be written over what they are made of.</summary>
    private void BackwardRows(
        in GroupNormDims d, BufferView x, BufferView gamma, BufferView beta, BufferView dy, BufferView dx,
        BufferView dGamma, BufferView dBeta)
    {
        int lanes = GpuGrid.Lanes(d.Channels, 1);
        BufferView moments = launcher.Scratch(DType.F32, MomentRows * (long)d.Batch, out MemoryBlock block);
        using (block)
        {
            launcher.Launch(s_rowMoments, RowGrid(d, lanes), x, moments, d.Batch, d.Channels, d.Eps, lanes);
            if (!dGamma.IsNone || !dBeta.IsNone)
            {
                int partRows = (int)Math.Max(LeastPartRows, GpuGrid.Parts(d.Batch, MostRowParts));
                int parts = (int)GpuGrid.Parts(d.Batch, partRows);
                long threads = (long)parts * d.Channels;
                BufferView sums = launcher.Scratch(DType.F32, 2 * threads, out MemoryBlock sumsBlock);
                using (sumsBlock)
                {
                    launcher.Launch(
                        s_rowParameterSums, GpuGrid.Blocks(threads, PartThreads), x, gamma, beta, dy, moments, sums,
                        threads, d.Batch, d.Channels, partRows, (int)d.Activation);
                    StoreParameters(d, sums, parts, dGamma, dBeta);
                }
            }

            if (!dx.IsNone)
            {
                launcher.Launch(
                    s_rowsBackward, RowGrid(d, lanes), x, gamma, beta, dy, moments, dx, d.Batch, d.Channels,
                    (int)d.Activation, lanes);
            }
        }
    }

    /// <summary>dGamma and dBeta from the sums of some parts, added up in their order.</summary>
    private void StoreParameters(
        in GroupNormDims d, BufferView sums, int parts, BufferView dGamma, BufferView dBeta)
    {
        if (!dGamma.IsNone || !dBeta.IsNone)
        {
            launcher.Launch(
                s_parameters, GpuGrid.Blocks(d.Channels, ChannelThreads), sums, dGamma, dBeta, d.Channels, parts);
        }
    }

    private static KernelVariant Kernel(string entry, int threads) =>
        new("group_norm_gradient", entry, new GridSize(threads));
}
