using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace ControlNet.Native.Bench.Table;

/// <summary>What the command line of <c>table</c> asks for.</summary>
internal sealed record TableOptions
{
    /// <summary>Every word <c>--only</c> takes.</summary>
    public static readonly string[] Groups =
    [
        "gemm", "direct", "conv", "conv-other", "attention", "norms", "gradients", "unet", "control", "decode",
        "encode", "clip", "generate", "memory",
    ];

    private static readonly string[] s_switches = ["--quick", "--prepare", "--write"];

    private static readonly string[] s_values =
    [
        "--only", "--threads", "--seconds", "--rounds", "--model", "--control", "--half-model", "--half-control",
        "--tokenizer", "--size", "--steps", "--python", "--node", "--cache", "--machine",
    ];

    /// <summary>Groups to print; empty for all.</summary>
    public required IReadOnlyList<string> Only { get; init; }

    /// <summary>Threads of everyone.</summary>
    public required int Threads { get; init; }

    /// <summary>Fewer rounds: a look, not a measurement.</summary>
    public required bool Quick { get; init; }

    /// <summary>How long a row of one operation may take; eight times as long for a network.</summary>
    public required double SecondsPerRow { get; init; }

    /// <summary>Rounds at least, however long they take.</summary>
    public required int Rounds { get; init; }

    /// <summary>Only exports the networks to ONNX, so that no run has to wait for it.</summary>
    public required bool Prepares { get; init; }

    /// <summary>How long one turn of a short call lasts.</summary>
    public double SecondsPerTurn { get; init; } = 0.02;

    /// <summary>F32 checkpoint; null leaves the networks out.</summary>
    public required string? Model { get; init; }

    /// <summary>F32 ControlNet.</summary>
    public required string? Control { get; init; }

    /// <summary>F16 checkpoint, for its memory.</summary>
    public required string? HalfModel { get; init; }

    /// <summary>F16 ControlNet, for its memory.</summary>
    public required string? HalfControl { get; init; }

    /// <summary>Tokenizer of the checkpoint.</summary>
    public required string? Tokenizer { get; init; }

    /// <summary>Width and height in pixels.</summary>
    public required int Size { get; init; }

    /// <summary>Denoising steps of a whole image.</summary>
    public required int Steps { get; init; }

    /// <summary>Python with torch and numpy.</summary>
    public required string Python { get; init; }

    /// <summary>Node.</summary>
    public required string Node { get; init; }

    /// <summary>Where ONNX Runtime and exported networks lie.</summary>
    public required string CacheFolder { get; init; }

    /// <summary>Whether to append to <c>bench/results</c>.</summary>
    public required bool Writes { get; init; }

    /// <summary>Folder below <c>bench/results</c>.</summary>
    public required string Machine { get; init; }

    /// <summary>Root of the repository.</summary>
    public required string Root { get; init; }

    /// <summary>Where the peers' scripts lie.</summary>
    public string PeersFolder => Path.Combine(Root, "bench", "peers");

    /// <summary>Whether a group is asked for.</summary>
    public bool Wants(string group) => Only.Count == 0 || Only.Contains(group);

    /// <summary>Reads the command line.</summary>
    /// <exception cref="ArgumentException">A group or option is unknown, or a file is not there.</exception>
    public static TableOptions Read(string[] arguments)
    {
        Options.RefuseUnknown(arguments, s_switches, s_values);
        string[] only = Options.Text(arguments, "--only")?.Split(',') ?? [];
        if (only.FirstOrDefault(group => !Groups.Contains(group)) is { } unknown)
        {
            throw new ArgumentException($"--only has '{unknown}', but takes {string.Join(", ", Groups)}");
        }

        bool quick = Options.Has(arguments, "--quick");
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return new TableOptions
        {
            Only = only,
            Quick = quick,
            Threads = Options.Number(arguments, "--threads", 2),
            SecondsPerRow = Options.Real(arguments, "--seconds", quick ? 0.5 : 3),
            Rounds = Options.Number(arguments, "--rounds", quick ? 1 : 3),
            Prepares = Options.Has(arguments, "--prepare"),
            Model = FileOf(arguments, "--model"),
            Control = FileOf(arguments, "--control"),
            HalfModel = FileOf(arguments, "--half-model"),
            HalfControl = FileOf(arguments, "--half-control"),
            Tokenizer = Options.Text(arguments, "--tokenizer"),
            Size = Options.Number(arguments, "--size", 512),
            Steps = Options.Number(arguments, "--steps", 20),
            Python = Options.Text(arguments, "--python")
                ?? (File.Exists("/usr/bin/python3") ? "/usr/bin/python3" : "python3"),
            Node = Options.Text(arguments, "--node") ?? "node",
            CacheFolder = Options.Text(arguments, "--cache") ?? Path.Combine(home, ".cache", "controlnet-bench"),
            Writes = Options.Has(arguments, "--write"),
            Machine = Options.Text(arguments, "--machine") ?? Machines.Slug(),
            Root = RootFolder(),
        };
    }

    private static string? FileOf(string[] arguments, string name)
    {
        string? path = Options.Text(arguments, name);
        return path is null || File.Exists(path)
            ? path
            : throw new ArgumentException($"{name} is '{path}', but there is no such file");
    }

    private static string RootFolder()
    {
        for (string? folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "ControlNet.Native.sln")))
            {
                return folder;
            }
        }

        throw new ArgumentException("the table must be built inside the repository: it runs bench/peers");
    }
}
