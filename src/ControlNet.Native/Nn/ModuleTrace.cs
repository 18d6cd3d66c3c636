using System;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Nn;

/// <summary>
/// Listens to what every module of a model computes, under the names checkpoints and PyTorch give the modules. While
/// somebody listens, layers compute their plain output first and apply what is otherwise fused into it (activation,
/// time row, residual) separately, so that a trace can be held against PyTorch's forward hooks. Costs nothing when
/// nobody listens.
/// </summary>
/// <remarks>Traces nest and belong to one thread, as <see cref="TensorScope"/> does.</remarks>
public sealed class ModuleTrace : IDisposable
{
    [ThreadStatic]
    private static ModuleTrace? s_current;

    private readonly ModuleTrace? _outer;
    private readonly Action<string, Tensor> _observer;
    private bool _closed;

    private ModuleTrace(ModuleTrace? outer, Action<string, Tensor> observer)
    {
        _outer = outer;
        _observer = observer;
    }

    /// <summary>Whether layers must report.</summary>
    internal static bool Listening => s_current is not null;

    /// <summary>Starts listening; dispose the result to stop.</summary>
    /// <param name="observer">
    /// Called with the module's path, for example <c>down_blocks.0.resnets.0.conv1</c>, and its output: images
    /// <c>[N, H, W, C]</c>, tokens <c>[N, T, C]</c>. The tensor is freed soon after the call: copy what is to stay.
    /// </param>
    public static ModuleTrace Start(Action<string, Tensor> observer)
    {
        ArgumentNullException.ThrowIfNull(observer);
        return s_current = new ModuleTrace(s_current, observer);
    }

    /// <summary>Tells the innermost listener, if there is one.</summary>
    internal static void Report(string path, Tensor output) => s_current?._observer(path, output);

    /// <summary>Stops listening.</summary>
    public void Dispose()
    {
        if (!_closed)
        {
            _closed = true;
            s_current = _outer;
        }
    }
}
