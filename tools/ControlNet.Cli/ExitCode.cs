namespace ControlNet.Cli;

/// <summary>What the process returns to its caller.</summary>
internal static class ExitCode
{
    /// <summary>Everything asked for was done.</summary>
    public const int Success = 0;

    /// <summary>A verification failed, or something unforeseen went wrong.</summary>
    public const int Failure = 1;

    /// <summary>The arguments, a file or a model cannot be used as asked; the sentence on stderr says why.</summary>
    public const int BadInput = 2;

    /// <summary>Stopped by Ctrl-C: 128 + SIGINT, as shells report it.</summary>
    public const int Cancelled = 130;
}
