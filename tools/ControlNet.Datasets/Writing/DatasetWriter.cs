using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.ExceptionServices;
using System.Text;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;
using ControlNet.Native.Imaging;

namespace ControlNet.Datasets;

/// <summary>How far a set is written.</summary>
/// <param name="Completed">Samples on the disk.</param>
/// <param name="Total">Samples asked for.</param>
public readonly record struct DatasetProgress(int Completed, int Total);

/// <summary>
/// Writes a drawn set as the tutorial's is laid out: pictures in <c>source/</c> (or a folder for each kind of hint) and
/// <c>target/</c>, and <c>prompt.json</c> with a line for each, in JSON Lines. That file comes last and whole: a folder
/// that has one is complete. The bytes do not depend on the number of threads.
/// </summary>
public static class DatasetWriter
{
    /// <summary>The file that lists the samples.</summary>
    public const string ListName = "prompt.json";

    private const string TargetFolder = "target";

    /// <summary>Draws and writes samples 0 to <paramref name="count"/> - 1.</summary>
    /// <param name="dataset">What to draw.</param>
    /// <param name="count">From 1.</param>
    /// <param name="folder">Made when it is not there.</param>
    /// <param name="overwrite">
    /// Whether a folder with something in it may be used. Its list and its numbered pictures go first; whatever else
    /// lies there stays.
    /// </param>
    /// <param name="threads">0 means one for each processor.</param>
    /// <param name="progress">Called after every sample, one call at a time, from the threads that draw.</param>
    /// <param name="cancellation">Stops between two samples; the pictures written so far stay, without a list.</param>
    /// <exception cref="DatasetException">The folder is not empty, or cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static void Write(
        DrawnDataset dataset, int count, string folder, bool overwrite = false, int threads = 0,
        IProgress<DatasetProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        cancellation.ThrowIfCancellationRequested();
        try
        {
            Prepare(dataset, folder, overwrite);
            string[] lines = WritePictures(dataset, count, folder, threads, progress, cancellation);
            WriteList(Path.Combine(folder, ListName), lines);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new DatasetException(
                $"'{folder}' cannot be written ({e.Message}); choose another folder or free space", e);
        }
    }

    private static void Prepare(DrawnDataset dataset, string folder, bool overwrite)
    {
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
        {
            if (!overwrite)
            {
                throw new DatasetException(
                    $"'{folder}' is not empty; name another folder, or pass --overwrite to replace the set in it");
            }

            File.Delete(Path.Combine(folder, ListName));
        }

        foreach (string name in dataset.Hints.Append(TargetFolder))
        {
            foreach (string file in Directory.CreateDirectory(Path.Combine(folder, name)).EnumerateFiles("*.png")
                .Where(file => Path.GetFileNameWithoutExtension(file.Name).All(char.IsAsciiDigit))
                .Select(file => file.FullName)
                .ToArray())
            {
                File.Delete(file);
            }
        }
    }

    /// <summary>Returns the lines of the list.</summary>
    private static string[] WritePictures(
        DrawnDataset dataset, int count, string folder, int threads, IProgress<DatasetProgress>? progress,
        CancellationToken cancellation)
    {
        string[] lines = new string[count];
        int completed = 0;
        Lock oneAtATime = new();
        ParallelOptions options = new()
        {
            MaxDegreeOfParallelism = threads == 0 ? Environment.ProcessorCount : threads,
            CancellationToken = cancellation,
        };
        try
        {
            Parallel.For(0, count, options, index =>
            {
                DrawnSample sample = dataset.Draw(index);
                for (int i = 0; i < dataset.Hints.Count; i++)
                {
                    WritePicture(sample.Hints[i], folder, PictureOf(dataset.Hints[i], index));
                }

                WritePicture(sample.Target, folder, PictureOf(TargetFolder, index));
                lines[index] = LineOf(dataset, sample, index);
                lock (oneAtATime)
                {
                    progress?.Report(new DatasetProgress(++completed, count));
                }
            });
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.Flatten().InnerExceptions[0]);
        }

        return lines;
    }

    /// <summary>Neither flushed nor renamed into place: until the list is there, the folder is no set.</summary>
    private static void WritePicture(RgbImage picture, string folder, string name) =>
        File.WriteAllBytes(Path.Combine(folder, name), picture.Encode());

    private static void WriteList(string path, string[] lines)
    {
        string temporary = path + ".tmp";
        using (FileStream file = new(temporary, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            using (StreamWriter text = new(file, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\n" })
            {
                Array.ForEach(lines, text.WriteLine);
            }

            file.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
    }

    private static string PictureOf(string folder, int index) =>
        string.Create(CultureInfo.InvariantCulture, $"{folder}/{index}.png");

    private static string LineOf(DrawnDataset dataset, DrawnSample sample, int index)
    {
        string source = Quote(PictureOf(dataset.Hints[0], index)), target = Quote(PictureOf(TargetFolder, index));
        string line = $"{{\"source\": {source}, \"target\": {target}, \"prompt\": {Quote(sample.Prompt)}";
        if (dataset.NamesHints)
        {
            IEnumerable<string> hints = dataset.Hints.Select(hint => $"{Quote(hint)}: {Quote(PictureOf(hint, index))}");
            line += $", \"hints\": {{{string.Join(", ", hints)}}}";
        }

        return line + "}";
    }

    private static string Quote(string text) => $"\"{JsonEncodedText.Encode(text)}\"";
}
