using System.IO;
using System.Linq;
using ControlNet.Native.Training;
using Xunit;

namespace ControlNet.Native.Tests.Training;

public sealed class TrainingFolderTests
{
    private const string Line =
        "{'source': 's/0.png', 'target': 't/0.png', 'prompt': 'a dot', 'hints': {'depth': 'd/0.png'}}";

    private static TrainingSet Set() => new TrainingSet()
        .Picture("s/0.png", 8, 8, 10).Picture("t/0.png", 8, 8, 20).Picture("d/0.png", 4, 4, 30)
        .Lines(Line, "", "{'target': 't/0.png', 'prompt': '', 'source': 's/0.png', 'other': 1}", "   ");

    [Fact]
    public void A_sample_has_source_target_and_prompt_of_its_line()
    {
        using TrainingSet set = Set();
        TrainingFolder folder = TrainingFolder.Open(set.Folder);

        TrainingSample sample = folder.Load(0, 8, 8);

        Assert.Equal(2, folder.Count);
        Assert.Equal(("a dot", ""), (folder.Prompt(0), folder.Prompt(1)));
        Assert.Equal("a dot", sample.Prompt);
        Assert.Equal((20, 10), (sample.Target.Pixels[0], sample.Hint!.Pixels[0]));
        Assert.Equal("", folder.Load(1, 8, 8).Prompt);
    }

    [Fact]
    public void A_hint_is_chosen_by_name_and_brought_to_the_targets_size()
    {
        using TrainingSet set = Set().Lines(Line);

        TrainingSample sample = TrainingFolder.Open(set.Folder, new() { Hint = "depth" }).Load(0, 16, 16);

        Assert.Equal(30, sample.Hint!.Pixels[0]);
        Assert.Equal((16, 16), (sample.Target.Width, sample.Target.Height));
        Assert.Equal((16, 16), (sample.Hint.Width, sample.Hint.Height));
    }

    [Fact]
    public void Without_hints_a_source_is_neither_needed_nor_read()
    {
        using TrainingSet set = Set().Lines(
            "{'target': 't/0.png', 'prompt': 'a'}", "{'source': 'gone.png', 'target': 't/0.png', 'prompt': 'b'}");

        TrainingFolder folder = TrainingFolder.Open(set.Folder, new() { NeedsHints = false });

        Assert.Equal(["a", "b"], Enumerable.Range(0, folder.Count).Select(i => folder.Load(i, 8, 8).Prompt));
        Assert.Null(folder.Load(1, 8, 8).Hint);
    }

    [Theory]
    [InlineData("not json", "line 3: is not JSON (at byte 1); write one object a line")]
    [InlineData("{'target': 't/0.png'", "line 3: is not JSON (at byte 20); write one object a line")]
    [InlineData("['t/0.png']", "line 3: must be a JSON object, but is an array; write one object a line")]
    [InlineData("{}", "line 3: 'prompt' is missing; the line has no keys")]
    [InlineData(
        "{'prompt': 'a', 'source': 's/0.png'}", "line 3: 'target' is missing; the line has 'prompt', 'source'")]
    [InlineData(
        "{'prompt': 'a', 'target': 't/0.png'}", "line 3: 'source' is missing; the line has 'prompt', 'target'")]
    [InlineData("{'prompt': 7}", "line 3: 'prompt' must be a string, but is a number")]
    [InlineData("{'prompt': 'a', 'target': null}", "line 3: 'target' must be a string, but is null")]
    [InlineData(
        "{'prompt': 'a', 'target': 't/9.png'}",
        "line 3: target 't/9.png': there is no such file; paths are relative to the folder of the list")]
    [InlineData(
        "{'prompt': 'a', 'target': '../t/0.png'}",
        "line 3: target '../t/0.png' must be a path inside the folder, relative to it")]
    [InlineData(
        "{'prompt': 'a', 'target': '/etc/hosts'}",
        "line 3: target '/etc/hosts' must be a path inside the folder, relative to it")]
    [InlineData(
        "{'prompt': 'a', 'target': 'a\\u0000b'}",
        "line 3: target 'a\\u0000b' must be a path inside the folder, relative to it")]
    [InlineData(
        "{'prompt': 'a', 'target': ''}", "line 3: target '' must be a path inside the folder, relative to it")]
    public void A_line_that_is_not_as_it_should_be_is_refused_with_its_number(string line, string problem)
    {
        using TrainingSet set = Set().Lines(Line, "", line);

        TrainingDataException e = Assert.Throws<TrainingDataException>(() => TrainingFolder.Open(set.Folder));

        Assert.Equal($"{set.List}: {problem}", e.Message);
    }

    [Theory]
    [InlineData(
        "'hints': {'depth': 'd/0.png', 'edges': 's/0.png'}", "there is no hint 'pose'; there are 'depth', 'edges'")]
    [InlineData("'source': 's/0.png'", "there is no hint 'pose': the line has no 'hints'; use 'source'")]
    [InlineData("'hints': ['pose']", "'hints' must be a JSON object of paths, but is an array")]
    [InlineData("'hints': {'pose': true}", "'hints.pose' must be a string, but is true or false")]
    [InlineData(
        "'hints': {'pose': 'p.png'}",
        "hints.pose 'p.png': there is no such file; paths are relative to the folder of the list")]
    public void A_hint_that_is_not_there_is_refused_with_those_that_are(string hints, string problem)
    {
        using TrainingSet set = Set().Lines($"{{'target': 't/0.png', 'prompt': 'a', {hints}}}");

        TrainingDataException e = Assert.Throws<TrainingDataException>(
            () => TrainingFolder.Open(set.Folder, new() { Hint = "pose" }));

        Assert.Equal($"{set.List}: line 1: {problem}", e.Message);
    }

    [Fact]
    public void A_folder_without_samples_is_refused()
    {
        using TrainingSet set = new();
        string missing = Path.Combine(set.Folder, "none");

        Assert.Equal(
            $"{missing}: there is no such folder; check the path",
            Assert.Throws<TrainingDataException>(() => TrainingFolder.Open(missing)).Message);
        Assert.Equal(
            $"{set.List}: there is no such file; it lists the samples, one JSON object a line",
            Assert.Throws<TrainingDataException>(() => TrainingFolder.Open(set.Folder)).Message);
        set.Lines("", "  ");
        Assert.Equal(
            $"{set.List}: lists no samples; write one JSON object a line",
            Assert.Throws<TrainingDataException>(() => TrainingFolder.Open(set.Folder)).Message);
        File.WriteAllBytes(set.List, [(byte)'{', 0xFF, (byte)'}']);
        Assert.Equal(
            $"{set.List}: is not UTF-8 text, at line 1 or soon after; save it as UTF-8",
            Assert.Throws<TrainingDataException>(() => TrainingFolder.Open(set.Folder)).Message);
    }

    [Fact]
    public void A_picture_that_cannot_be_read_is_named_with_its_line()
    {
        using TrainingSet set = Set();
        File.WriteAllText(Path.Combine(set.Folder, "s/0.png"), "no picture");
        TrainingFolder folder = TrainingFolder.Open(set.Folder);

        TrainingDataException e = Assert.Throws<TrainingDataException>(() => folder.Load(1, 8, 8));

        Assert.StartsWith($"{set.List}: line 3: hint cannot be read: ", e.Message);
        Assert.Contains("s/0.png", e.Message);
        Assert.NotNull(e.InnerException);
    }

    [Theory]
    [InlineData(8, 6, false)]
    [InlineData(99, 100, true)]
    [InlineData(98, 100, false)]
    public void Hint_and_target_must_have_equal_proportions(int width, int height, bool accepted)
    {
        using TrainingSet set = Set().Picture("d/0.png", width, height, 1).Lines(Line);
        TrainingFolder folder = TrainingFolder.Open(set.Folder, new() { Hint = "depth" });

        if (accepted)
        {
            Assert.Equal(8, folder.Load(0, 8, 8).Hint!.Width);
            return;
        }

        Assert.Equal(
            $"{set.List}: line 1: hint 'd/0.png' has {width} x {height} pixels, target 't/0.png' 8 x 8; both must " +
            "show the same frame, so give them equal proportions",
            Assert.Throws<TrainingDataException>(() => folder.Load(0, 8, 8)).Message);
    }
}
