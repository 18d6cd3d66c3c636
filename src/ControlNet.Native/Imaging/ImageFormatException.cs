using System;
using ControlNet.Native.Messages;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Imaging;

/// <summary>
/// A picture is damaged, of an unknown format, over a limit, or cannot be expressed in the format asked for. The
/// message starts with the file name and names the chunk, both values and the cure.
/// </summary>
public sealed class ImageFormatException : EngineException
{
    /// <summary>Creates the exception for one file.</summary>
    /// <param name="name">File name as the caller wrote it; control characters are escaped, length is bounded.</param>
    /// <param name="reason">What is wrong with it, in one sentence without a full stop.</param>
    public ImageFormatException(string name, string reason) : base(MessageText.About(name, reason)) { }

    /// <summary>Creates the exception with the sentence the caller will read.</summary>
    public ImageFormatException(string message) : base(message) { }

    /// <summary>Creates an empty exception.</summary>
    public ImageFormatException() { }

    /// <summary>Creates the exception around the one that caused it.</summary>
    public ImageFormatException(string message, Exception? innerException) : base(message, innerException) { }
}
