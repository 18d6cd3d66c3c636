using ControlNet.Native.Tensors.Contracts;

namespace ControlNet.Native.Tensors.Gpu;

/// <content>Gradients of element by element functions.</content>
internal sealed partial class GpuPointwise
{
    private static readonly KernelVariant s_activateBackward = Kernel("pointwise_activate_backward");
    private static readonly KernelVariant s_gegluBackward = Kernel("pointwise_geglu_backward");
    private static readonly KernelVariant s_squaredErrorBackward = Kernel("pointwise_squared_error_backward");
    private static readonly KernelVariant s_movingAverage = Kernel("pointwise_moving_average");

    public void ActivateBackward(Activation activation, BufferView x, BufferView dy, BufferView dx) =>
        launcher.Launch(s_activateBackward, GpuGrid.Elements(x.Count), x, dy, dx, x.Count, (int)activation);

    public void GegluBackward(long rows, int columns, BufferView x, BufferView dy, BufferView dx) =>
        launcher.Launch(s_gegluBackward, GpuGrid.Elements(rows * columns), x, dy, dx, rows * columns, columns);

    public void SquaredErrorBackward(
        float factor, BufferView x, BufferView target, BufferView dy, BufferView dx, BufferView dTarget) =>
        launcher.Launch(
            s_squaredErrorBackward, GpuGrid.Elements(x.Count), x, target, dy, dx, dTarget, x.Count, factor);

    public void MovingAverage(float share, BufferView x, BufferView average) =>
        launcher.Launch(s_movingAverage, GpuGrid.Elements(x.Count), x, average, x.Count, share);
}
