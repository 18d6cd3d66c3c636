using System;

namespace ControlNet.Cli;

/// <summary>The command line asks for what cannot be done. The message is the sentence the user reads.</summary>
internal sealed class UsageException : Exception
{
    /// <summary>Creates the exception with the sentence the user will read.</summary>
    public UsageException(string message) : base(message) { }

    /// <summary>Creates an empty exception.</summary>
    public UsageException() { }

    /// <summary>Creates the exception around the one that caused it.</summary>
    public UsageException(string message, Exception innerException) : base(message, innerException) { }
}
