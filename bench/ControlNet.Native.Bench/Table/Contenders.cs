using System;
using System.Collections.Generic;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.Intrinsics.X86;

namespace ControlNet.Native.Bench.Table;

/// <summary>Starts contenders when they are first asked for, and remembers why one cannot be had.</summary>
internal sealed class Contenders(TableOptions options) : IDisposable
{
    private readonly Dictionary<Contender, TimingProcess> _running = [];
    private readonly Dictionary<Contender, string> _absent = [];

    /// <summary>What has been started so far, by its greeting.</summary>
    public SortedDictionary<Contender, string> Greetings { get; } = [];

    /// <summary>Who is absent, and why.</summary>
    public IReadOnlyDictionary<Contender, string> Absent => _absent;

    /// <summary>The process of a contender.</summary>
    /// <exception cref="InvalidOperationException">It cannot be had; the message says why.</exception>
    public TimingProcess Get(Contender who)
    {
        if (_running.TryGetValue(who, out TimingProcess? running))
        {
            return running;
        }

        if (_absent.TryGetValue(who, out string? reason))
        {
            throw new InvalidOperationException(reason);
        }

        try
        {
            TimingProcess process = new(Command(who));
            _running.Add(who, process);
            Greetings[who] = process.Greeting;
            return process;
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception)
        {
            _absent[who] = $"{Name(who)} is absent: {e.Message}";
            throw new InvalidOperationException(_absent[who], e);
        }
    }

    /// <summary>Ends a process, so that its memory is free; the next row starts it again.</summary>
    public void End(Contender who)
    {
        if (_running.Remove(who, out TimingProcess? process))
        {
            process.Dispose();
        }
    }

    /// <summary>Ends all but these.</summary>
    public void EndOthers(IReadOnlyCollection<Contender> kept)
    {
        foreach (Contender who in (Contender[])[.. _running.Keys])
        {
            if (!kept.Contains(who))
            {
                End(who);
            }
        }
    }

    /// <summary>A contender in the words of the table.</summary>
    public static string Name(Contender who) => who switch
    {
        Contender.Ours => "ours",
        Contender.OursDirect => "ours, direct",
        Contender.TorchDefault => "torch as shipped",
        Contender.TorchTuned => "torch tuned",
        Contender.Onnx => "ONNX Runtime",
        _ => who.ToString(),
    };

    /// <inheritdoc/>
    public void Dispose() => EndOthers([]);

    /// <summary>
    /// The settings that make PyTorch fastest: results stay in the heap rather than being mapped and faulted in anew
    /// for every call, and OpenBLAS, which may not know the processor, is told that it has AVX-512.
    /// </summary>
    public static void Tune(ProcessStartInfo start)
    {
        start.Environment["MALLOC_MMAP_MAX_"] = "0";
        start.Environment["MALLOC_MMAP_THRESHOLD_"] = start.Environment["MALLOC_TRIM_THRESHOLD_"] = "17179869184";
        start.Environment["MALLOC_TOP_PAD_"] = "268435456";
        if (Avx512F.IsSupported)
        {
            start.Environment["OPENBLAS_CORETYPE"] = "SkylakeX";
        }
    }

    /// <summary>A Python command of <c>bench/peers</c>, on as many threads as ours has.</summary>
    public static ProcessStartInfo Python(TableOptions options, string script, bool tuned, params string[] arguments)
    {
        string threads = options.Threads.ToString(CultureInfo.InvariantCulture);
        ProcessStartInfo start = new(options.Python, [Path.Combine(options.PeersFolder, script), .. arguments]);
        start.Environment["OMP_NUM_THREADS"] = start.Environment["OPENBLAS_NUM_THREADS"] = threads;
        start.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        start.Environment.Remove("OPENBLAS_CORETYPE");
        if (tuned)
        {
            Tune(start);
        }

        return start;
    }

    private ProcessStartInfo Command(Contender who)
    {
        string threads = options.Threads.ToString(CultureInfo.InvariantCulture);
        switch (who)
        {
            case Contender.Ours or Contender.OursDirect:
            {
                ProcessStartInfo start = new(
                    "dotnet", [typeof(Contenders).Assembly.Location, "serve", "--threads", threads]);
                if (who == Contender.OursDirect)
                {
                    start.Environment["CONTROLNET_FORCE"] = "conv2d:direct";
                }

                return start;
            }

            case Contender.TorchDefault:
                return Python(options, "torch_server.py", tuned: false, "--threads", threads);
            case Contender.TorchTuned:
                return Python(options, "torch_server.py", tuned: true, "--threads", threads, "--tuned");
            default:
            {
                ProcessStartInfo start = new(
                    options.Node, [Path.Combine(options.PeersFolder, "onnx_server.js"), "--threads", threads]);
                start.Environment["NODE_PATH"] = Path.Combine(options.CacheFolder, "node_modules");
                return start;
            }
        }
    }
}
