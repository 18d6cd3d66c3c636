namespace ControlNet.Native.Tensors.Gpu.Cuda;

/// <content>Recording: the stream is captured as a graph, and a replay is a launch of the graph.</content>
internal sealed unsafe partial class CudaDriver : IGpuRecorder
{
    /// <summary>What messages name when a graph may have failed.</summary>
    private static readonly KernelVariant s_anyRecorded =
        new("of a recorded step, CONTROLNET_SYNC=1 tells which", "one", new GridSize(1));

    public IGpuRecorder? Recorder => CudaNative.HasGraphs ? this : null;

    public void BeginRecording()
    {
        MakeCurrent();
        SendGathered();
        Check(CudaNative.StreamBeginCapture(_stream, CudaNative.CaptureThreadLocal), "cuStreamBeginCapture");
    }

    public nint EndRecording()
    {
        nint graph = 0, executable = 0;
        Check(CudaNative.StreamEndCapture(_stream, &graph), "cuStreamEndCapture");
        int code = CudaNative.GraphInstantiate(&executable, graph, 0);
        _ = CudaNative.GraphDestroy(graph);
        Check(code, "cuGraphInstantiateWithFlags");
        return executable;
    }

    public void AbandonRecording()
    {
        nint graph = 0;
        if (!_disposed && CudaNative.StreamEndCapture(_stream, &graph) == 0 && graph != 0)
        {
            _ = CudaNative.GraphDestroy(graph);
        }
    }

    public void QueueRecording(nint recording)
    {
        MakeCurrent();
        SendGathered();
        CheckLate(CudaNative.GraphLaunch(recording, _stream), "cuGraphLaunch");
        _history.Add(s_anyRecorded);
    }

    public void FreeRecording(nint recording)
    {
        if (!_disposed && CudaNative.CtxSetCurrent(_context) == 0)
        {
            s_current = _context;
            _ = CudaNative.StreamSynchronize(_stream);
            _ = CudaNative.GraphExecDestroy(recording);
        }
    }
}
