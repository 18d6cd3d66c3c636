using System;

namespace ControlNet.Native.Tensors;

/// <summary>A device has not enough memory left. The message names the bytes asked for and the bytes in use.</summary>
public sealed class DeviceMemoryException : EngineException
{
    /// <summary>Creates the exception with the sentence the caller will read.</summary>
    public DeviceMemoryException(string message) : base(message) { }

    /// <summary>Creates an empty exception.</summary>
    public DeviceMemoryException() { }

    /// <summary>Creates the exception around the one that caused it.</summary>
    public DeviceMemoryException(string message, Exception? innerException) : base(message, innerException) { }
}
