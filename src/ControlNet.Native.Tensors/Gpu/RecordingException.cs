using System;

namespace ControlNet.Native.Tensors.Gpu;

/// <summary>
/// Something was asked for that cannot be recorded. Ends the recording and is seen by nobody: the work is then done
/// without.
/// </summary>
internal sealed class RecordingException(string message) : Exception(message);
