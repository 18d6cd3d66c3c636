using System;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Training;

/// <summary>
/// The one buffer through which the tensors of a state pass on their way to the disk; as large as the largest of them.
/// </summary>
internal sealed class StateStaging
{
    private byte[] _buffer = [];

    /// <summary>Copies a tensor's bytes out; valid until the next call.</summary>
    public ReadOnlyMemory<byte> Download(Tensor tensor)
    {
        int bytes = checked((int)tensor.Bytes);
        if (_buffer.Length < bytes)
        {
            _buffer = GC.AllocateUninitializedArray<byte>(bytes);
        }

        tensor.CopyBytesTo(_buffer.AsSpan(0, bytes));
        return _buffer.AsMemory(0, bytes);
    }
}
