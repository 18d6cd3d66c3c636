using System.IO;
using System.Linq;
using ControlNet.Native.Tests.Support;
using ControlNet.Verification;
using ControlNet.Verification.Checks;
using Xunit;

namespace ControlNet.Native.Tests.Preprocessing;

public sealed class AnnotatorsGoldenTests
{
    /// <summary>No device: pictures are prepared without one.</summary>
    private static GoldenContext Context(string root) => new(root, Device: null!);

    [Fact]
    public void Every_picture_is_as_OpenCv_makes_it()
    {
        AnnotatorsCheck check = new();
        GoldenResult[] results = [.. check.Run(Context(Repository.Golden()), "annotators/annotators.json")];

        Assert.Empty(results.Where(r => !r.Passed).Select(r => $"{r.Case}: {r.Error} of {r.Limit}, {r.Problem}"));
        Assert.Empty(check.NotCovered(Context(Repository.Golden()), "annotators/annotators.json"));

        // 11 inputs twice; 59 edges twice; 50 resized, 2 of them also by the rule; 5 blurred; 24 others, 3 of them with
        // a level and 1 with a size; 3 normals and their depths; 2 shuffles twice; 15 poses, 8 of them with a count.
        Assert.Equal(22 + 118 + 52 + 5 + 28 + 6 + 4 + 15 + 8, results.Length);
    }

    [Theory]
    [InlineData("annotators/normal_from_depth.safetensors", 18)]
    [InlineData("annotators/shuffle.safetensors", 2)]
    public void Every_tensor_is_within_its_limit(string file, int count)
    {
        AnnotatorTensorsCheck check = new();
        GoldenResult[] results = [.. check.Run(Context(Repository.Golden()), file)];

        Assert.Empty(results.Where(r => !r.Passed).Select(r => $"{r.Case}: {r.Error} of {r.Limit}, {r.Problem}"));
        Assert.Empty(check.NotCovered(Context(Repository.Golden()), file));
        Assert.Equal(count, results.Length);
    }

    [Theory]
    [InlineData("canny_sphere_1.png", "canny_sphere_2.png", "canny/canny_sphere_1.png")]
    [InlineData("resize_sphere_linear_41x37.png", "resize_sphere_nearest_41x37.png", "*linear_41x37.png")]
    [InlineData("pose_full_v10.png", "pose_full_v11.png", "openpose/full.v10")]
    [InlineData("xdog_text.png", "scribble_text.png", "misc/xdog_text.png")]
    [InlineData("shuffle_32.png", "shuffle_256.png", "content_shuffle/shuffle_32.png*")]
    public void Another_expectation_fails(string file, string otherwise, string failing)
    {
        using ScratchFolder scratch = new();
        scratch.CopyGolden("annotators");
        File.Copy(Repository.Golden("annotators", otherwise), scratch.Path("annotators", file), overwrite: true);

        GoldenResult[] results = [.. new AnnotatorsCheck().Run(Context(scratch.Root), "annotators/annotators.json")];

        Assert.Contains(results, r => !r.Passed);
        Assert.All(results.Where(r => !r.Passed), r => Assert.Matches(Wildcard.Pattern(failing), r.Case));
    }

    [Fact]
    public void A_part_that_is_new_is_not_covered()
    {
        using ScratchFolder scratch = new();
        scratch.CopyGolden("annotators");
        string list = scratch.Path("annotators", "annotators.json");
        File.WriteAllText(list, "{\"watershed\": {\"cases\": []}," + File.ReadAllText(list).TrimStart()[1..]);

        Assert.Equal(
            ["'watershed': a part this check does not know"],
            new AnnotatorsCheck().NotCovered(Context(scratch.Root), "annotators/annotators.json"));
    }
}
