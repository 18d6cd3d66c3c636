using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Training;

/// <summary>
/// A training set in a folder, laid out as the ControlNet tutorial's: <c>prompt.json</c> in JSON Lines, a line
/// <c>{"source": "source/0.png", "target": "target/0.png", "prompt": "..."}</c> for each sample, optionally with
/// <c>"hints": {"depth": "depth/0.png", ...}</c>. All lines are checked when the folder is opened, pictures are read
/// when asked for. Immutable; may be shared between threads.
/// </summary>
public sealed class TrainingFolder
{
    /// <summary>The file that lists the samples.</summary>
    public const string ListName = "prompt.json";

    /// <summary>Above any list whose pictures fit on a disk.</summary>
    private const long MostListBytes = 1L << 30;

    private static readonly UTF8Encoding s_strictUtf8 = new(false, throwOnInvalidBytes: true);

    private readonly string _list;
    private readonly List<TrainingLine> _lines;

    private TrainingFolder(string list, List<TrainingLine> lines, TrainingFolderOptions options)
    {
        _list = list;
        _lines = lines;
        Options = options;
    }

    /// <summary>Samples of the set.</summary>
    public int Count => _lines.Count;

    /// <summary>How it was opened.</summary>
    public TrainingFolderOptions Options { get; }

    /// <summary>Opens a set and checks every line; blank lines are passed over.</summary>
    /// <param name="folder">With <see cref="ListName"/> in it.</param>
    /// <param name="options">Which hint to use and how to fit pictures; null for <c>source</c>, cropped.</param>
    /// <exception cref="TrainingDataException">
    /// There is no list, it has no samples, a line is not as described above, or a picture is not there.
    /// </exception>
    public static TrainingFolder Open(string folder, TrainingFolderOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(folder);
        options ??= new TrainingFolderOptions();
        if (!Directory.Exists(folder))
        {
            throw TrainingDataException.InFile(folder, "there is no such folder; check the path");
        }

        string list = Path.Combine(folder, ListName);
        List<TrainingLine> lines = [];
        int number = 0;
        try
        {
            if (new FileInfo(list) is { Exists: true, Length: > MostListBytes } file)
            {
                throw TrainingDataException.InFile(
                    list, $"has {file.Length} bytes, more than the limit of {MostListBytes}; split the set");
            }

            foreach (string line in File.ReadLines(list, s_strictUtf8))
            {
                number++;
                if (!string.IsNullOrWhiteSpace(line))
                {
                    lines.Add(TrainingLine.Parse(list, number, line, options));
                }
            }
        }
        catch (DecoderFallbackException e)
        {
            throw TrainingDataException.InFile(
                list, $"is not UTF-8 text, at line {number + 1} or soon after; save it as UTF-8", e);
        }
        catch (FileNotFoundException e)
        {
            throw TrainingDataException.InFile(
                list, "there is no such file; it lists the samples, one JSON object a line", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw TrainingDataException.InFile(list, $"cannot be read ({e.Message})", e);
        }

        return lines.Count > 0
            ? new TrainingFolder(list, lines, options)
            : throw TrainingDataException.InFile(list, "lists no samples; write one JSON object a line");
    }

    /// <summary>The prompt of a sample, without reading its pictures.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    public string Prompt(int index) => _lines[index].Prompt;

    /// <summary>Reads a sample and fits its pictures.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    /// <param name="width">Pixels, from 1.</param>
    /// <param name="height">Pixels, from 1.</param>
    /// <exception cref="TrainingDataException">
    /// A picture cannot be read, or the proportions of hint and target differ by more than one per cent.
    /// </exception>
    public TrainingSample Load(int index, int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        TrainingLine line = _lines[index];
        RgbImage target = Read(line, "target", line.Target);
        if (line.Hint is null)
        {
            return new TrainingSample(Fit(target), null, line.Prompt);
        }

        RgbImage hint = Read(line, "hint", line.Hint);
        if (!HaveEqualProportions(target, hint))
        {
            throw TrainingDataException.InLine(
                _list, line.Number,
                $"hint {TrainingDataException.Quote(line.Hint)} has {hint.Width} x {hint.Height} pixels, target " +
                $"{TrainingDataException.Quote(line.Target)} {target.Width} x {target.Height}; both must show the " +
                "same frame, so give them equal proportions");
        }

        return new TrainingSample(Fit(target), Fit(hint), line.Prompt);

        RgbImage Fit(RgbImage image) => ImageFitting.Apply(image, width, height, Options.Fit);
    }

    private RgbImage Read(TrainingLine line, string role, string path)
    {
        try
        {
            return RgbImage.Load(Path.Combine(Path.GetDirectoryName(_list)!, path));
        }
        catch (EngineException e)
        {
            throw TrainingDataException.InLine(
                _list, line.Number, $"{role} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Within one per cent: a size rounded to whole pixels still counts.</summary>
    private static bool HaveEqualProportions(RgbImage one, RgbImage other)
    {
        long a = (long)one.Width * other.Height, b = (long)one.Height * other.Width;
        return Math.Abs(a - b) * 100 <= Math.Max(a, b);
    }
}
