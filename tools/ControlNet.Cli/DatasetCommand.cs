using System;
using System.CommandLine;
using System.Globalization;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using ControlNet.Datasets;

namespace ControlNet.Cli;

/// <summary><c>controlnet dataset fill50k|shapes</c>: draws a training set into a folder.</summary>
internal static class DatasetCommand
{
    private const int MostSamples = 1_000_000;
    private const int MostThreads = 1024;

    /// <summary>Builds the command.</summary>
    public static Command Create() => new("dataset", "Draw a training set.")
    {
        CreateSet(
            "fill50k",
            "Circles: a white outline on black, the filled circle, a prompt of two CSS colours.",
            defaultSize: 512,
            (seed, size) => new Fill50k(seed, size)),
        CreateSet(
            "shapes",
            "Scenes of one to three shapes, with edges, depth, normals, segmentation and scribble as hints.",
            defaultSize: 128,
            (seed, size) => new Shapes(seed, size)),
    };

    private static Command CreateSet(
        string name, string description, int defaultSize, Func<long, int, DrawnDataset> create)
    {
        Option<int> count = new("--count", "-n")
        {
            Description = $"Samples, 1 to {MostSamples}.",
            HelpName = "COUNT",
            Required = true,
        };
        Option<int> size = new("--size")
        {
            Description = $"Pixels of a picture's edge, {DrawnDataset.LeastSize} to {DrawnDataset.LargestSize}.",
            HelpName = "PIXELS",
            DefaultValueFactory = _ => defaultSize,
        };
        Option<long> seed = new("--seed", "-s")
        {
            Description = "What is drawn, 0 or more; equal seeds give equal sets.",
            HelpName = "NUMBER",
            DefaultValueFactory = _ => 0,
        };
        Option<string> output = new("--out", "-o")
        {
            Description = "The folder to fill; made when it is not there.",
            HelpName = "FOLDER",
            Required = true,
        };
        Option<bool> overwrite = new("--overwrite")
        {
            Description = "Replace the set in a folder that is not empty. [default: off]",
        };
        Option<int> threads = new("--threads")
        {
            Description = "Threads that draw; 0 means one for each processor. The set is the same for any number.",
            HelpName = "COUNT",
            DefaultValueFactory = _ => 0,
        };
        Command command = new(name, description) { count, size, seed, output, overwrite, threads };
        command.SetAction((arguments, cancellation) =>
        {
            int samples = InRange("--count", arguments.GetValue(count), 1, MostSamples);
            int edge = InRange(
                "--size", arguments.GetValue(size), DrawnDataset.LeastSize, DrawnDataset.LargestSize);
            long key = InRange("--seed", arguments.GetValue(seed), 0, long.MaxValue);
            int workers = InRange("--threads", arguments.GetValue(threads), 0, MostThreads);
            Write(
                create(key, edge), samples, arguments.GetValue(output)!, arguments.GetValue(overwrite), workers,
                cancellation);
            return Task.FromResult(ExitCode.Success);
        });
        return command;
    }

    private static void Write(
        DrawnDataset dataset, int samples, string folder, bool overwrite, int threads,
        CancellationToken cancellation)
    {
        ProgressDisplay.Run(display =>
        {
            DatasetWriter.Write(dataset, samples, folder, overwrite, threads, display, cancellation);
            return true;
        });
        Console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{Path.GetFullPath(folder)}: {samples} samples of {dataset.Size}x{dataset.Size}, seed {dataset.Seed}"));
    }

    private static T InRange<T>(string option, T value, T least, T most)
        where T : IComparable<T> =>
        value.CompareTo(least) >= 0 && value.CompareTo(most) <= 0
            ? value
            : throw new UsageException(string.Create(
                CultureInfo.InvariantCulture, $"{option} is {value}, but must be from {least} to {most}"));
}
