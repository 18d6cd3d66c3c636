using System;
using ControlNet.Native.Tensors;

namespace ControlNet.Native;

/// <summary>
/// A request does not fit into the memory it may take, however the weights are kept. The message names the bytes it
/// needs, the bytes it may take, and what would help. Nothing was loaded.
/// </summary>
public sealed class MemoryBudgetException : EngineException
{
    /// <summary>Creates the exception with the sentence the caller will read.</summary>
    public MemoryBudgetException(string message) : base(message) { }

    /// <summary>Creates an empty exception.</summary>
    public MemoryBudgetException() { }

    /// <summary>Creates the exception around the one that caused it.</summary>
    public MemoryBudgetException(string message, Exception? innerException) : base(message, innerException) { }
}
