using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ControlNet.Datasets;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Training;
using Xunit;

namespace ControlNet.Native.Tests.Training;

public sealed class DatasetWriterTests
{
    private static readonly Shapes s_set = new(seed: 2, size: 32);

    [Fact]
    public void A_set_is_the_same_for_any_number_of_threads()
    {
        using ScratchFolder scratch = new();
        DatasetWriter.Write(s_set, 12, scratch.Path("one"), threads: 1);
        DatasetWriter.Write(s_set, 12, scratch.Path("five"), threads: 5);

        string[] files = Files(scratch.Path("one"));
        Assert.Equal(12 * 6 + 1, files.Length);
        Assert.Equal(files, Files(scratch.Path("five")));
        Assert.All(files, file => Assert.Equal(
            File.ReadAllBytes(Path.Combine(scratch.Path("one"), file)),
            File.ReadAllBytes(Path.Combine(scratch.Path("five"), file))));
    }

    [Fact]
    public void The_list_is_that_of_the_tutorial_with_the_hints_by_name()
    {
        using ScratchFolder scratch = new();
        DatasetWriter.Write(s_set, 2, scratch.Path("shapes"));
        DatasetWriter.Write(new Fill50k(0, 32), 1, scratch.Path("circles"));

        Assert.Equal(
            "{\"source\": \"edges/1.png\", \"target\": \"target/1.png\", \"prompt\": \"" + s_set.At(1).Caption +
            "\", \"hints\": {\"edges\": \"edges/1.png\", \"depth\": \"depth/1.png\", \"normals\": \"normals/1.png\", " +
            "\"segmentation\": \"segmentation/1.png\", \"scribble\": \"scribble/1.png\"}}",
            File.ReadAllText(scratch.Path("shapes", "prompt.json")).Split('\n')[1]);
        Assert.Equal(
            "{\"source\": \"source/0.png\", \"target\": \"target/0.png\", \"prompt\": \"" +
            new Fill50k(0, 32).Draw(0).Prompt + "\"}\n",
            File.ReadAllText(scratch.Path("circles", "prompt.json")));
    }

    [Fact]
    public void What_is_written_is_read_back()
    {
        using ScratchFolder scratch = new();
        DatasetWriter.Write(s_set, 3, scratch.Path("set"));

        for (int kind = 0; kind < s_set.Hints.Count; kind++)
        {
            TrainingFolder folder = TrainingFolder.Open(scratch.Path("set"), new() { Hint = s_set.Hints[kind] });
            TrainingSample sample = folder.Load(2, 32, 32);
            DrawnSample drawn = s_set.Draw(2);
            Assert.Equal(3, folder.Count);
            Assert.Equal(drawn.Prompt, sample.Prompt);
            Assert.Equal(drawn.Target.Pixels, sample.Target.Pixels);
            Assert.Equal(drawn.Hints[kind].Pixels, sample.Hint!.Pixels);
        }
    }

    [Fact]
    public void A_folder_with_something_in_it_is_refused_unless_it_may_be_overwritten()
    {
        using ScratchFolder scratch = new();
        string folder = scratch.Path("set");
        DatasetWriter.Write(s_set, 5, folder);
        File.WriteAllText(Path.Combine(folder, "target", "mine.png"), "kept");

        DatasetException e = Assert.Throws<DatasetException>(() => DatasetWriter.Write(s_set, 2, folder));
        Assert.Equal(
            $"'{folder}' is not empty; name another folder, or pass --overwrite to replace the set in it", e.Message);
        Assert.Equal(5, TrainingFolder.Open(folder).Count);

        DatasetWriter.Write(s_set, 2, folder, overwrite: true);
        Assert.Equal(2, TrainingFolder.Open(folder).Count);
        Assert.Equal(2 * 6 + 2, Files(folder).Length);
        Assert.True(File.Exists(Path.Combine(folder, "target", "mine.png")));
    }

    [Fact]
    public void Cancelled_work_leaves_no_list()
    {
        using ScratchFolder scratch = new();
        using CancellationTokenSource cancellation = new();
        string folder = scratch.Path("set");
        Recorder progress = new(value =>
        {
            if (value.Completed == 3)
            {
                cancellation.Cancel();
            }
        });

        Assert.ThrowsAny<OperationCanceledException>(() => DatasetWriter.Write(
            s_set, 1000, folder, threads: 2, progress: progress, cancellation: cancellation.Token));

        Assert.False(File.Exists(Path.Combine(folder, "prompt.json")));
        Assert.InRange(progress.Values.Count, 3, 10);
    }

    [Fact]
    public void Progress_counts_every_sample_once()
    {
        using ScratchFolder scratch = new();
        Recorder progress = new(_ => { });

        DatasetWriter.Write(s_set, 6, scratch.Path("set"), threads: 3, progress: progress);

        Assert.Equal(Enumerable.Range(1, 6).Select(i => new DatasetProgress(i, 6)), progress.Values);
    }

    [Fact]
    public void A_folder_that_cannot_be_made_gives_one_sentence()
    {
        using ScratchFolder scratch = new();
        string file = scratch.Path("file");
        File.WriteAllText(file, "");

        DatasetException e = Assert.Throws<DatasetException>(
            () => DatasetWriter.Write(s_set, 1, Path.Combine(file, "set")));

        Assert.Matches(
            Wildcard.Pattern($"'{file}/set' cannot be written (*); choose another folder or free space"), e.Message);
    }

    private static string[] Files(string folder) =>
    [
        .. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(folder, file)).Order(StringComparer.Ordinal),
    ];

    private sealed class Recorder(Action<DatasetProgress> seen) : IProgress<DatasetProgress>
    {
        public List<DatasetProgress> Values { get; } = [];

        public void Report(DatasetProgress value)
        {
            Values.Add(value);
            seen(value);
        }
    }
}
