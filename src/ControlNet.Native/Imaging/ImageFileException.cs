using System;
using ControlNet.Native.Messages;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Imaging;

/// <summary>
/// A picture's file cannot be opened, read or written: missing, forbidden, disk full. The message starts with the path.
/// After a failed write the previous file, if any, is untouched and no partial file is left.
/// </summary>
public sealed class ImageFileException : EngineException
{
    /// <summary>Creates the exception for one file.</summary>
    /// <param name="path">Path as the caller wrote it; control characters are escaped, length is bounded.</param>
    /// <param name="reason">What went wrong, in one sentence without a full stop.</param>
    /// <param name="innerException">What the operating system said.</param>
    public ImageFileException(string path, string reason, Exception? innerException)
        : base(MessageText.About(path, reason), innerException) { }

    /// <summary>Creates the exception with the sentence the caller will read.</summary>
    public ImageFileException(string message) : base(message) { }

    /// <summary>Creates an empty exception.</summary>
    public ImageFileException() { }

    /// <summary>Creates the exception around the one that caused it.</summary>
    public ImageFileException(string message, Exception? innerException) : base(message, innerException) { }
}
