using System;
using System.Linq;
using System.Text;
using ControlNet.Native.Imaging;
using ControlNet.Native.Preprocessing;
using Xunit;

namespace ControlNet.Native.Tests.Preprocessing;

/// <summary>Files of keypoints: every layout in use is read, everything else is refused with its place.</summary>
public sealed class OpenPoseTests
{
    private const string Canvas = "\"canvas_width\": 64, \"canvas_height\": 48";

    [Fact]
    public void The_25_points_of_BODY_25_become_the_18_of_COCO()
    {
        PoseDocument pose = Parse($$"""{ {{Canvas}}, "people": [ { "pose_keypoints_2d": [{{Points(25)}}] } ] }""");

        Assert.Equal(
            [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18],
            pose.Figures[0].Body.Select(point => (int)point!.Value.X - 10));
    }

    [Fact]
    public void Shares_of_the_canvas_become_pixels()
    {
        string shares = string.Join(", ", Enumerable.Repeat("0.5, 0.25, 1", 18));
        PoseDocument pose = Parse($$"""[ { {{Canvas}}, "people": [ { "pose_keypoints_2d": [{{shares}}] } ] } ]""");
        Assert.All(pose.Figures[0].Body, point => Assert.Equal(new PosePoint(32, 12), point));
    }

    [Fact]
    public void What_was_not_found_is_missing_and_not_drawn()
    {
        string points = string.Join(", ", Enumerable.Repeat("0, 0, 0", 17).Append("30, 20, 0.04"));
        PoseDocument pose = Parse(
            $$"""{ {{Canvas}}, "people": [ { "pose_keypoints_2d": [{{points}}], "face_keypoints_2d": null } ] }""");

        Assert.All(pose.Figures[0].Body, point => Assert.Null(point));
        Assert.All(OpenPose.Draw(pose).Pixels.ToArray(), value => Assert.Equal(0, value));
    }

    [Fact]
    public void Keypoints_without_a_canvas_are_drawn_in_the_size_asked_for()
    {
        PoseDocument pose = Parse($$"""{ "people": [ { "pose_keypoints_2d": [{{Points(18)}}] } ] }""");
        RgbImage drawn = OpenPose.Draw(pose, new OpenPoseOptions { Width = 40, Height = 30 });
        Assert.Equal((40, 30), (drawn.Width, drawn.Height));
        Assert.Contains(drawn.Pixels.ToArray(), value => value > 0);
    }

    [Fact]
    public void Another_size_moves_the_points_along()
    {
        string points = "20, 10, 1, " + string.Join(", ", Enumerable.Repeat("0, 0, 0", 17));
        PoseDocument pose = Parse($$"""{ {{Canvas}}, "people": [ { "pose_keypoints_2d": [{{points}}] } ] }""");

        RgbImage drawn = OpenPose.Draw(pose, new OpenPoseOptions { Width = 128, Height = 96 });

        Assert.Equal([255, 0, 0], drawn.Pixels.Slice(3 * ((20 * 128) + 40), 3).ToArray());
        Assert.Equal(0, drawn.Pixels[3 * ((10 * 128) + 20)]);
    }

    [Fact]
    public void Hands_and_faces_are_left_out_when_asked()
    {
        PoseDocument pose = Parse(
            $$"""
            { {{Canvas}}, "people": [ { "hand_left_keypoints_2d": [{{Points(21)}}],
              "face_keypoints_2d": [{{Points(70)}}] } ] }
            """);

        Assert.Contains(OpenPose.Draw(pose).Pixels.ToArray(), value => value > 0);
        Assert.All(
            OpenPose.Draw(pose, new OpenPoseOptions { NoHands = true, NoFace = true }).Pixels.ToArray(),
            value => Assert.Equal(0, value));
    }

    [Fact]
    public void Points_far_outside_are_drawn_at_once_or_not_at_all()
    {
        string points = string.Join(
            ", ", Enumerable.Range(0, 18).Select(i => $"{(i % 2 == 0 ? -1e5 : 1e5)}, {(i % 3 == 0 ? -1e5 : 1e5)}, 1"));
        PoseDocument pose = Parse($$"""{ {{Canvas}}, "people": [ { "pose_keypoints_2d": [{{points}}] } ] }""");
        foreach (OpenPoseStyle style in Enum.GetValues<OpenPoseStyle>())
        {
            RgbImage drawn = OpenPose.Draw(pose, new OpenPoseOptions { Style = style, Width = 8192, Height = 1 });
            Assert.Equal(8192, drawn.Width);
        }
    }

    [Theory]
    [InlineData("", "keypoints.json: is not JSON (*)")]
    [InlineData("[]", "keypoints.json: is a list of 0, but must be an object with 'people'")]
    [InlineData("3", "keypoints.json: is a number, but must be an object with 'people'")]
    [InlineData("{}", "keypoints.json: has no list 'people'; is it a file of OpenPose's keypoints?")]
    [InlineData(
        "{\"canvas_width\": 5, \"people\": []}",
        "keypoints.json: has one of 'canvas_width' and 'canvas_height', but must have both")]
    [InlineData(
        "{\"canvas_width\": 0, \"canvas_height\": 5, \"people\": []}",
        "keypoints.json: 'canvas_width' is 0, but must be a whole number from 1 to 8192")]
    [InlineData("{\"people\": [7]}", "keypoints.json: people[[]0] is a number, but must be an object")]
    [InlineData(
        "{\"people\": [{\"pose_keypoints_2d\": [1, 2]}]}",
        "keypoints.json: people[[]0].pose_keypoints_2d is a list of 2, but must be a list of x, y and confidence *")]
    [InlineData(
        "{\"people\": [{\"pose_keypoints_2d\": [1, 2, 1]}]}",
        "keypoints.json: people[[]0].pose_keypoints_2d has 1 points, but must have 18 (COCO) or 25 (BODY_25)")]
    [InlineData(
        "{\"people\": [{}, {\"hand_left_keypoints_2d\": [1, 2, 1]}]}",
        "keypoints.json: people[[]1].hand_left_keypoints_2d has 1 points, but must have 21")]
    [InlineData(
        "{\"people\": [{\"face_keypoints_2d\": [1, \"a\", 1]}]}",
        "keypoints.json: people[[]0].face_keypoints_2d[[]1] is \"a\", but must be a number of at most 100000")]
    [InlineData(
        "{\"people\": [{\"face_keypoints_2d\": [1e300, 1, 1]}]}",
        "keypoints.json: people[[]0].face_keypoints_2d[[]0] is 1e300, but must be a number of at most 100000")]
    public void Anything_else_is_refused_with_its_place(string json, string sentence)
    {
        PoseFormatException refused = Assert.Throws<PoseFormatException>(() => Parse(json));
        Assert.Matches(
            Support.Wildcard.Pattern(sentence.Replace("[[]", "[", StringComparison.Ordinal)), refused.Message);
    }

    [Fact]
    public void A_file_with_flipped_bytes_is_read_or_refused()
    {
        byte[] sound = Encoding.UTF8.GetBytes(
            $$"""{ {{Canvas}}, "people": [ { "pose_keypoints_2d": [{{Points(18)}}] } ] }""");
        Random random = new(11);
        int refused = 0;
        for (int i = 0; i < 2000; i++)
        {
            byte[] mutant = [.. sound];
            for (int flips = random.Next(1, 4); flips > 0; flips--)
            {
                mutant[random.Next(mutant.Length)] ^= (byte)(1 << random.Next(8));
            }

            try
            {
                PoseDocument pose = PoseDocument.Parse(mutant, "mutant");
                _ = OpenPose.Draw(pose, new OpenPoseOptions { Width = 16, Height = 16 });
            }
            catch (PoseFormatException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 500, 1999);
    }

    private static PoseDocument Parse(string json) =>
        PoseDocument.Parse(Encoding.UTF8.GetBytes(json), "keypoints.json");

    /// <summary>Points from x = 10 on, in a row.</summary>
    private static string Points(int count) =>
        string.Join(", ", Enumerable.Range(0, count).Select(i => $"{10 + i}, {5 + (i % 7)}, 1"));
}
