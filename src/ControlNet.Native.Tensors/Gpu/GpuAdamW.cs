using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>One pass over parameter, gradient and both means: <c>kernels/adam_w.c</c>.</summary>
internal sealed class GpuAdamW(GpuLauncher launcher) : IAdamWKernels
{
    private static readonly KernelVariant s_step = new("adam_w", "adam_w_step", GpuGrid.ElementBlock);

    public void Step(in AdamWDims d, BufferView gradient, BufferView parameter, BufferView mean, BufferView square) =>
        launcher.Launch(
            s_step, GpuGrid.Elements(d.Count), gradient, parameter, mean, square, d.Count, d.GradientScale, d.Beta1,
            d.Rest1, d.Beta2, d.Rest2, d.Keep, d.Rate, d.RootScale, d.Eps);
}
