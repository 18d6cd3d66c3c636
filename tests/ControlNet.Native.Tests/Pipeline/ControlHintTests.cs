using System;
using System.Linq;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tensors;
using Xunit;

namespace ControlNet.Native.Tests.Pipeline;

/// <summary>What a hint holds, whatever it was made of.</summary>
public sealed class ControlHintTests
{
    [Fact]
    public void A_picture_is_its_bytes_over_255()
    {
        RgbImage image = TinyPipeline.Hint(5, 3);
        ControlHint hint = image;
        Assert.Equal((5, 3, 3), (hint.Width, hint.Height, hint.Channels));
        Assert.Equal(image.ToFloats(PixelRange.ZeroToOne), hint.ToFloats());
        Assert.Equal("5 x 3, 3 channels of 8 bits", hint.ToString());
        Assert.Throws<ArgumentNullException>(() => (ControlHint)(RgbImage)null!);
    }

    [Fact]
    public void Floats_are_what_was_given_and_stay_it()
    {
        float[] values = [-1, 0.5f, 3, 4, 5, 6];
        ControlHint hint = ControlHint.FromFloats(values, 3, 1, 2);
        values[0] = 9;
        hint.ToFloats()[1] = 9;
        Assert.Equal([-1, 0.5f, 3, 4, 5, 6], hint.ToFloats());
        Assert.Equal("3 x 1, 2 channels of floats", hint.ToString());
        Assert.Equal("6 x 1, 1 channel of floats", ControlHint.FromFloats(values, 6, 1, 1).ToString());
    }

    [Fact]
    public void Channels_are_reordered_repeated_and_turned_over()
    {
        ControlHint hint = ControlHint.FromFloats([0.25f, 0.5f, 1, 0], 2, 1, 2);
        Assert.Equal(
            [0.5f, 0.75f, 0.25f, 0, 0, 1], hint.WithChannels(new(1), new(0, Inverted: true), new(0)).ToFloats());
        RgbImage image = TinyPipeline.Hint(4, 4);
        float[] swapped = ((ControlHint)image).WithChannels(new(2), new(1), new(0)).ToFloats();
        Assert.Equal(image.ToFloats(PixelRange.ZeroToOne)[9..12].Reverse(), swapped[9..12]);
        Assert.Equal(
            "a channel is to come from channel 2, but the hint has 2: 0 to 1",
            Assert.Throws<RequestException>(() => hint.WithChannels(new HintChannel(2))).Message);
        Assert.Equal(
            "a hint needs at least one channel, got none",
            Assert.Throws<RequestException>(() => hint.WithChannels()).Message);
    }

    [Theory]
    [InlineData(0, 1, 1, "[1, 0, 1] (height, width, channels), but each must be at least 1 *")]
    [InlineData(1, -1, 1, "[-1, 1, 1] (height, width, channels), but each must be at least 1 *")]
    [InlineData(1, 1, 0, "[1, 1, 0] (height, width, channels), but each must be at least 1 *")]
    [InlineData(65536, 65536, 1, "[65536, 65536, 1] * at least 1 and the pixels at most 67108864")]
    [InlineData(2, 1, 3, "[1, 2, 3] (height, width, channels) are 6 values, values has 4")]
    public void Sizes_that_do_not_fit(int width, int height, int channels, string message) => Assert.Matches(
        Support.Wildcard.Pattern($"ControlHint.FromFloats: {message}"),
        Assert.Throws<ShapeException>(() => ControlHint.FromFloats(new float[4], width, height, channels)).Message);

    [Theory]
    [InlineData(float.NaN, "NaN")]
    [InlineData(float.PositiveInfinity, "Infinity")]
    public void Values_that_are_no_numbers(float value, string name)
    {
        float[] values = [0, 1, value];
        Assert.Equal(
            $"ControlHint.FromFloats: values[2] is {name}, but must be a finite number",
            Assert.Throws<RequestException>(() => ControlHint.FromFloats(values, 3, 1, 1)).Message);
        Assert.Equal(
            $"ControlHint.FromNormals: normals[2] is {name}, but must be a finite number",
            Assert.Throws<RequestException>(
                () => ControlHint.FromNormals(values, 1, 1, ViewAxes.OpenGl)).Message);
    }

    [Fact]
    public void Depth_is_white_where_it_is_near()
    {
        float[] depth = [2, 6, 10, 1, float.PositiveInfinity];
        Assert.Equal([1, 0.5f, 0, 1, 0], Grey(ControlHint.FromDepth(depth, 5, 1, near: 2, far: 10)));
        Assert.Equal([0, 0.5f, 1, 0, 1], Grey(ControlHint.FromDepth(depth, 5, 1, near: 2, far: 10, invert: true)));

        // The range of the finite values, where none is given.
        Assert.Equal(
            Grey(ControlHint.FromDepth(depth, 5, 1, near: 1, far: 10)), Grey(ControlHint.FromDepth(depth, 5, 1)));

        // A reversed depth buffer.
        Assert.Equal([0, 0.25f, 1], Grey(ControlHint.FromDepth([0, 0.25f, 1], 3, 1, near: 1, far: 0)));
    }

    [Fact]
    public void Inverse_depth_is_what_a_depth_buffer_holds()
    {
        // Direct3D: d = f / (f - n) (1 - n / z), even in 1 / z.
        const float near = 0.5f, far = 40;
        float[] z = [0.5f, 0.7f, 2, 8, 40];
        float[] buffer = [.. z.Select(v => far / (far - near) * (1 - (near / v)))];
        float[] expected = Grey(ControlHint.FromDepth(buffer, 5, 1, near: 0, far: 1));
        float[] actual = Grey(ControlHint.FromDepth(z, 5, 1, near, far, DepthCurve.Inverse));
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-6));

        // Behind an infinite far plane nothing is left; OpenGL's z is negative in front of the camera.
        Assert.Equal(
            [1, 0.5f, 0.25f, 0],
            Grey(ControlHint.FromDepth(
                [1, 2, 4, float.PositiveInfinity], 4, 1, 1, float.PositiveInfinity, DepthCurve.Inverse)));
        float[] negative = Grey(ControlHint.FromDepth([-1, -1.5f, -3], 3, 1, -1, -3, DepthCurve.Inverse));
        Assert.Equal((1f, 0f), (negative[0], negative[2]));
        Assert.Equal(0.5f, negative[1], 1e-6f);
    }

    [Theory]
    [InlineData(1f, 1f, DepthCurve.Linear, "ControlHint.FromDepth: near and far are both 1, but must differ; *")]
    [InlineData(
        float.NaN, 1f, DepthCurve.Linear,
        "ControlHint.FromDepth: near is NaN and far 1, but both must be finite numbers")]
    [InlineData(
        1f, float.PositiveInfinity, DepthCurve.Linear,
        "ControlHint.FromDepth: near is 1 and far Infinity, but both must be finite numbers")]
    [InlineData(
        0f, 1f, DepthCurve.Inverse,
        "ControlHint.FromDepth: near is 0 and far 1, but Inverse needs both above 0 or both below; take Linear *")]
    [InlineData(-1f, 1f, DepthCurve.Inverse, "ControlHint.FromDepth: near is -1 and far 1, but Inverse needs both *")]
    [InlineData(1f, 2f, (DepthCurve)9, "ControlHint.FromDepth: curve 9 is not one of its values")]
    public void Depths_that_cannot_be(float near, float far, DepthCurve curve, string message) => Assert.Matches(
        Support.Wildcard.Pattern(message),
        Assert.Throws<RequestException>(() => ControlHint.FromDepth([1, 2], 2, 1, near, far, curve)).Message);

    [Fact]
    public void Depths_that_are_none()
    {
        Assert.Equal(
            "ControlHint.FromDepth: depth[1] is NaN, but must be a number",
            Assert.Throws<RequestException>(() => ControlHint.FromDepth([1, float.NaN], 2, 1)).Message);
        Assert.StartsWith(
            "ControlHint.FromDepth: near and far are both 3, but must differ; give both for a flat depth",
            Assert.Throws<RequestException>(() => ControlHint.FromDepth([3, 3], 2, 1)).Message);
        Assert.StartsWith(
            "ControlHint.FromDepth: near is Infinity and far -Infinity",
            Assert.Throws<RequestException>(
                () => ControlHint.FromDepth([float.PositiveInfinity], 1, 1)).Message);
        Assert.Throws<ShapeException>(() => ControlHint.FromDepth([3, 3], 2, 2));
    }

    [Fact]
    public void Normals_are_turned_to_the_axes_of_the_net()
    {
        // To the right, up, to the viewer, nowhere, and one that is too long.
        float[] normals = [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, -8];
        float[] read = ControlHint.FromNormals(normals, 5, 1, ViewAxes.OpenGl).ToFloats();
        Assert.Equal([0, .5f, .5f, .5f, 1, .5f, .5f, .5f, 1, .5f, .5f, 1, .5f, .5f, 0], read);

        // The same surface as other engines have it.
        float[] direct3D = [1, 0, 0, 0, 1, 0, 0, 0, -1, 0, 0, 0, 0, 0, 8];
        float[] openCv = [1, 0, 0, 0, -1, 0, 0, 0, -1, 0, 0, 0, 0, 0, 8];
        Assert.Equal(read, ControlHint.FromNormals(direct3D, 5, 1, ViewAxes.Direct3D).ToFloats());
        Assert.Equal(read, ControlHint.FromNormals(openCv, 5, 1, ViewAxes.OpenCv).ToFloats());
        ViewAxes blender = new(ViewDirection.Right, ViewDirection.Away, ViewDirection.Up);
        float[] zUp = [1, 0, 0, 0, 0, 1, 0, -1, 0, 0, 0, 0, 0, 8, 0];
        Assert.Equal(read, ControlHint.FromNormals(zUp, 5, 1, blender).ToFloats());

        // A net that reads blue, green, red.
        ViewAxes reversed = new(ViewDirection.Toward, ViewDirection.Up, ViewDirection.Left);
        float[] bgr = ControlHint.FromNormals(normals, 5, 1, ViewAxes.OpenGl, reversed).ToFloats();
        Assert.Equal(read, ControlHint.FromFloats(bgr, 5, 1, 3).WithChannels(new(2), new(1), new(0)).ToFloats());
    }

    [Fact]
    public void Normals_without_three_axes() => Assert.Equal(
        "ControlHint.FromNormals: from is (Right, Left, Up), but must have one of Right and Left, one of Up and " +
        "Down, and one of Toward and Away",
        Assert.Throws<RequestException>(() => ControlHint.FromNormals(
            new float[3], 1, 1, new(ViewDirection.Right, ViewDirection.Left, ViewDirection.Up))).Message);

    /// <summary>The one channel of three equal ones.</summary>
    private static float[] Grey(ControlHint hint)
    {
        float[] values = hint.ToFloats();
        Assert.Equal(3, hint.Channels);
        Assert.All(values.Chunk(3), pixel => Assert.True(pixel[0] == pixel[1] && pixel[1] == pixel[2]));
        return [.. values.Chunk(3).Select(pixel => pixel[0])];
    }
}
