using System;

namespace ControlNet.Native.Tensors;

/// <summary>
/// A device or its driver refused a call, or is not there. The message names the device, the call and the reason.
/// </summary>
public sealed class DeviceException : EngineException
{
    /// <summary>Creates the exception with the sentence the caller will read.</summary>
    public DeviceException(string message) : base(message) { }

    /// <summary>Creates an empty exception.</summary>
    public DeviceException() { }

    /// <summary>Creates the exception around the one that caused it.</summary>
    public DeviceException(string message, Exception innerException) : base(message, innerException) { }
}
