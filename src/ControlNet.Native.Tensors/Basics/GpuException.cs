using System;

namespace ControlNet.Native.Tensors;

/// <summary>
/// A GPU's driver refused a call or reported the failure of an earlier one. The message has everything the properties
/// have.
/// </summary>
public sealed class GpuException : EngineException
{
    /// <summary>Creates the exception with the sentence the caller will read.</summary>
    public GpuException(string message) : base(message) { }

    /// <summary>Creates an empty exception.</summary>
    public GpuException() { }

    /// <summary>Creates the exception around the one that caused it.</summary>
    public GpuException(string message, Exception innerException) : base(message, innerException) { }

    internal GpuException(
        string device, string operation, int code, string codeName, string? kernel = null, string? buildLog = null)
        : base(Sentence(device, operation, code, codeName, kernel, buildLog))
    {
        DeviceName = device;
        Operation = operation;
        Code = code;
        CodeName = codeName;
        Kernel = kernel;
        BuildLog = buildLog;
    }

    /// <summary>Name of the device as users write it, for example <c>opencl:0</c>.</summary>
    public string DeviceName { get; } = "";

    /// <summary>The call that failed, as the driver's documentation names it.</summary>
    public string Operation { get; } = "";

    /// <summary>The driver's code.</summary>
    public int Code { get; }

    /// <summary>The driver's name of the code, for example <c>CL_OUT_OF_RESOURCES</c>.</summary>
    public string CodeName { get; } = "";

    /// <summary>The kernel the call was about, or those the failure may be of; null when it was about none.</summary>
    public string? Kernel { get; }

    /// <summary>What the driver's compiler wrote, when a kernel did not build.</summary>
    public string? BuildLog { get; }

    private static string Sentence(
        string device, string operation, int code, string codeName, string? kernel, string? buildLog)
    {
        string about = kernel is null ? "" : $" for kernel {kernel}";
        string log = string.IsNullOrWhiteSpace(buildLog) ? "" : $"; the compiler wrote:{Environment.NewLine}{buildLog}";
        return $"{device}: {operation}{about} failed with {codeName} ({code}){log}";
    }
}
