namespace ControlNet.Native;

/// <summary>Whose seeded noise is drawn. Both are computed on the host, so every device gives the same image.</summary>
public enum NoiseGenerator
{
    /// <summary>
    /// <c>torch.randn</c> with a CPU generator: what diffusers gives for <c>torch.Generator("cpu")</c> and what ComfyUI
    /// and A1111 (set to CPU) give.
    /// </summary>
    TorchCpu,

    /// <summary><c>torch.randn</c> with a CUDA generator: what A1111 gives by default on an NVIDIA GPU.</summary>
    TorchCuda,
}
