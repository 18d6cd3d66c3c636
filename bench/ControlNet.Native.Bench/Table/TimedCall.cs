using System;
using System.Text.Json.Nodes;

namespace ControlNet.Native.Bench.Table;

/// <summary>Something to run again and again, with what it holds.</summary>
internal abstract class TimedCall : IDisposable
{
    /// <summary>Runs once and forgets the result.</summary>
    public abstract void Run();

    /// <summary>Runs once and says what came of it: <c>rms</c> of the result, or <c>work</c> done in one run.</summary>
    public abstract JsonObject First();

    /// <summary>Frees what the call holds.</summary>
    public abstract void Dispose();
}
