using System;
using ControlNet.Native.Messages;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Preprocessing;

/// <summary>
/// A file of keypoints cannot be read: no JSON, or not what OpenPose writes. The message starts with the file name and
/// names the place, both values and the cure.
/// </summary>
public sealed class PoseFormatException : EngineException
{
    /// <summary>Creates the exception for one file.</summary>
    /// <param name="name">File name as the caller wrote it; control characters are escaped, length is bounded.</param>
    /// <param name="reason">What is wrong with it, in one sentence without a full stop.</param>
    public PoseFormatException(string name, string reason) : base(MessageText.About(name, reason)) { }

    /// <summary>Creates the exception with the sentence the caller will read.</summary>
    public PoseFormatException(string message) : base(message) { }

    /// <summary>Creates an empty exception.</summary>
    public PoseFormatException() { }

    /// <summary>Creates the exception around the one that caused it.</summary>
    public PoseFormatException(string message, Exception? innerException) : base(message, innerException) { }
}
