using System;

namespace ControlNet.Native.Tensors;

/// <summary>
/// A GPU's driver refused a call or reported the failure of an earlier one. The message has everything the properties
/// have.
/// </summary>
public sealed class GpuException : EngineException
{
    private const string LossCure =
        "dispose what is on it and go on with another device, or start the process again";

    /// <summary>Creates the exception with the sentence the caller will read.</summary>
    public GpuException(string message) : base(message) { }

    /// <summary>Creates an empty exception.</summary>
    public GpuException() { }

    /// <summary>Creates the exception around the one that caused it.</summary>
    public GpuException(string message, Exception innerException) : base(message, innerException) { }

    internal GpuException(
        string device, string operation, int code, string codeName, string? kernel = null, string? buildLog = null,
        bool isDeviceLost = false)
        : base(Sentence(device, operation, code, codeName, kernel, buildLog, isDeviceLost))
    {
        DeviceName = device;
        Operation = operation;
        Code = code;
        CodeName = codeName;
        Kernel = kernel;
        BuildLog = buildLog;
        IsDeviceLost = isDeviceLost;
    }

    /// <summary>What a call is told that comes after the failure that lost the device.</summary>
    internal GpuException(GpuException loss)
        : base(
            $"{loss.DeviceName} can do nothing more since {loss.Operation} failed with {loss.CodeName} " +
            $"({loss.Code}); {LossCure}", loss)
    {
        DeviceName = loss.DeviceName;
        Operation = loss.Operation;
        Code = loss.Code;
        CodeName = loss.CodeName;
        Kernel = loss.Kernel;
        IsDeviceLost = true;
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

    /// <summary>
    /// Whether the device can do nothing more, and every further call on it is refused: a kernel went astray, or the
    /// driver is gone. Dispose what is on the device and go on with another; NVIDIA's driver gives a device back to a
    /// new process only.
    /// </summary>
    public bool IsDeviceLost { get; }

    private static string Sentence(
        string device, string operation, int code, string codeName, string? kernel, string? buildLog, bool isLost)
    {
        string about = kernel is null ? "" : $" for kernel {kernel}";
        string log = string.IsNullOrWhiteSpace(buildLog) ? "" : $"; the compiler wrote:{Environment.NewLine}{buildLog}";
        return $"{device}: {operation}{about} failed with {codeName} ({code}){log}" +
            (isLost ? $" and the device can do nothing more; {LossCure}" : "");
    }
}
