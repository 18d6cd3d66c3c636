using System;
using System.Linq;
using ControlNet.Native.Imaging;
using ControlNet.Native.Preprocessing;
using Xunit;

namespace ControlNet.Native.Tests.Preprocessing;

/// <summary>What the golden pictures do not show: tiny sizes, ranges, and the kinds of our own.</summary>
public sealed class PreprocessorTests
{
    private static readonly (string Name, Func<RgbImage, RgbImage> Apply)[] s_sameSize =
    [
        ("canny", image => Canny.Apply(image)),
        ("blur", image => GaussianBlur.Apply(image)),
        ("thin", image => EdgeThinning.Apply(image)),
        ("fake scribble", image => FakeScribble.Apply(image)),
        ("scribble", image => Scribble.Apply(image)),
        ("xdog", image => ExtendedDoG.Apply(image)),
        ("soft edges", image => SoftEdges.Apply(image)),
        ("sobel", image => SoftEdges.Apply(image, new() { Operator = GradientOperator.Sobel, Sigma = 0 })),
        ("threshold", image => Threshold.Apply(image)),
        ("binary", image => Binary.Apply(image)),
        ("grey", Grey.Apply),
        ("invert", Invert.Apply),
        ("shuffle", image => ContentShuffle.Apply(image, new() { GridSize = 8 })),
        ("normal", image => NormalFromDepth.Apply(Depth(image)).ToRgb(PixelRange.MinusOneToOne)),
        ("inpaint", image => InpaintHint.Apply(image, image).ToRgb(PixelRange.ZeroToOne)),
    ];

    [Fact]
    public void Every_kind_takes_pictures_of_any_size()
    {
        Random random = new(3);
        for (int i = 0; i < 40; i++)
        {
            RgbImage image = i == 0 ? Pictures.Noise(random, 1, 1) : Pictures.Any(random);
            foreach ((string name, Func<RgbImage, RgbImage> apply) in s_sameSize)
            {
                RgbImage made = apply(image);
                Assert.True(
                    made.Width == image.Width && made.Height == image.Height, $"{name} of {image} is {made}");
            }

            foreach (Interpolation mode in Enum.GetValues<Interpolation>())
            {
                int width = random.Next(1, 60), height = random.Next(1, 60);
                RgbImage made = ImageResize.Apply(image, width, height, mode);
                Assert.Equal((width, height), (made.Width, made.Height));
            }

            RgbImage padded = ResizeWithPad.Apply(image, 30).Image;
            Assert.Equal((0, 0), (padded.Width % 64, padded.Height % 64));
            Assert.NotNull(Tile.Apply(image, 16));
        }
    }

    [Fact]
    public void A_flat_picture_stays_flat_and_has_no_edges()
    {
        RgbImage flat = new(50, 30, Enumerable.Repeat((byte)201, 50 * 30 * 3).ToArray());

        Assert.All(
            Enum.GetValues<Interpolation>(),
            mode => Assert.All(
                ImageResize.Apply(flat, 77, 13, mode).Pixels.ToArray(), value => Assert.Equal(201, value)));
        Assert.All(GaussianBlur.Apply(flat).Pixels.ToArray(), value => Assert.Equal(201, value));
        Assert.All(SoftEdges.Apply(flat).Pixels.ToArray(), value => Assert.Equal(0, value));
        Assert.All(Canny.Apply(flat).Pixels.ToArray(), value => Assert.Equal(0, value));
        Assert.Equal(0, Binary.OtsuLevel(flat));
    }

    [Theory]
    [InlineData(GradientOperator.Sobel)]
    [InlineData(GradientOperator.Scharr)]
    public void A_step_from_black_to_white_is_white_at_a_gain_of_1(GradientOperator kind)
    {
        byte[] rgb = [.. Enumerable.Range(0, 16 * 4 * 3).Select(i => i / 3 % 16 < 8 ? (byte)0 : (byte)255)];

        RgbImage edges = SoftEdges.Apply(
            new RgbImage(16, 4, rgb), new SoftEdgesOptions { Operator = kind, Sigma = 0, Gain = 1 });

        Assert.Equal(
            [0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0, 0, 0, 0],
            Enumerable.Range(0, 16).Select(x => (int)edges.Pixels[(16 + x) * 3]));
    }

    [Fact]
    public void Normals_have_length_1_and_a_flat_map_faces_the_camera()
    {
        FloatImage waves = Depth(Pictures.Smooth(new Random(5), 31, 17));
        float[] normals = NormalFromDepth.Apply(waves).Values.ToArray();
        Assert.All(normals.Chunk(3), n => Assert.Equal(1, Math.Sqrt(n.Sum(v => (double)v * v)), 1e-6));
        Assert.Contains(normals.Chunk(3), n => n[2] < 0.5f);

        FloatImage flat = new(3, 2, 1, [7, 7, 7, 7, 7, 7]);
        Assert.All(NormalFromDepth.Apply(flat).Values.ToArray().Chunk(3), n => Assert.Equal([0f, 0f, 1f], n));
    }

    [Fact]
    public void A_shuffle_is_the_same_for_a_seed_and_another_for_another()
    {
        RgbImage image = Pictures.Smooth(new Random(9), 61, 47);

        byte[] one = Shuffled(1), again = Shuffled(1), other = Shuffled(2);

        Assert.Equal(one, again);
        Assert.NotEqual(one, other);
        Assert.NotEqual(one, image.Pixels.ToArray());

        byte[] Shuffled(long seed) =>
            ContentShuffle.Apply(image, new ContentShuffleOptions { GridSize = 16, Seed = seed }).Pixels.ToArray();
    }

    [Fact]
    public void An_inpaint_hint_is_the_picture_with_minus_1_under_the_mask()
    {
        RgbImage image = new(2, 1, [0, 51, 255, 10, 20, 30]);
        RgbImage mask = new(2, 1, [127, 127, 127, 128, 128, 128]);

        FloatImage hint = InpaintHint.Apply(image, mask);

        Assert.Equal([0f, 0.2f, 1f, -1f, -1f, -1f], hint.Values.ToArray());
    }

    [Fact]
    public void Resolutions_round_to_multiples_of_64()
    {
        RgbImage image = Pictures.Smooth(new Random(2), 100, 60);
        RgbImage made = ImageResize.ToResolution(image, 512);
        Assert.Equal((832, 512), (made.Width, made.Height)); // 853.3 / 64 = 13.3
    }

    public static TheoryData<Func<RgbImage, object>, string> Refusals => new()
    {
        {
            i => GaussianBlur.Apply(i, new() { Sigma = 101 }),
            "GaussianBlurOptions.Sigma is 101, but must be from 0 to 100"
        },
        {
            i => GaussianBlur.Apply(i, new() { KernelSize = 4 }),
            "GaussianBlurOptions.KernelSize is 4, but must be odd, or 0 to take it from GaussianBlurOptions.Sigma"
        },
        {
            i => GaussianBlur.Apply(i, new() { Sigma = 0 }),
            "GaussianBlurOptions.Sigma and GaussianBlurOptions.KernelSize are both 0; give one of them"
        },
        { i => Threshold.Apply(i, 256), "Threshold.level is 256, but must be from 0 to 255" },
        { i => Scribble.Apply(i, 0), "Scribble.level is 0, but must be from 1 to 255" },
        { i => Binary.Apply(i, -1), "Binary.level is -1, but must be from 0 to 255" },
        { i => Tile.Apply(i, 0.5), "Tile.rate is 0.5, but must be from 1 to 16" },
        { i => ExtendedDoG.Apply(i, 300), "ExtendedDoG.threshold is 300, but must be from 0 to 255" },
        {
            i => EdgeThinning.Apply(i, new() { Sigma = 0 }),
            "EdgeThinningOptions.Sigma is 0, but must be from 0.1 to 100"
        },
        { i => SoftEdges.Apply(i, new() { Gain = 0 }), "SoftEdgesOptions.Gain is 0, but must be from 0.01 to 100" },
        {
            i => SoftEdges.Apply(i, new() { Operator = (GradientOperator)9 }),
            "SoftEdgesOptions.Operator is 9, which is none of Sobel, Scharr"
        },
        {
            i => ContentShuffle.Apply(i, new() { GridSize = 7 }),
            "ContentShuffleOptions.GridSize is 7, but must be from 8 to 4096"
        },
        {
            i => ContentShuffle.Apply(i, new() { Seed = -1 }),
            "ContentShuffleOptions.Seed is -1, but must be from 0 to 4294967295"
        },
        {
            i => ContentShuffle.Flow(20, 20, 8, [1], [1]),
            "ContentShuffle: grids of 1 and 1 values, but 20 x 20 pixels at a grid size of 8 need 16"
        },
        {
            i => ContentShuffle.Warp(i, new FloatImage(1, 1, 1, [0])),
            "ContentShuffle: the flow has 1 channels, but must have 2"
        },
        { i => ImageResize.ToResolution(i, 63), "ImageResize.resolution is 63, but must be from 64 to 8192" },
        {
            i => ImageResize.Apply(i, 0, 5, Interpolation.Area),
            "ImageResize: a picture of 0 x 5 pixels; both must be at least 1 and the product at most 67108864"
        },
        {
            i => ImageResize.Apply(i, 5, 5, (Interpolation)9),
            "ImageResize.mode is 9, which is none of Nearest, Area, Linear, Cubic, Lanczos4"
        },
        { i => ResizeWithPad.Apply(i, 0), "ResizeWithPad.resolution is 0, but must be from 1 to 8192" },
        {
            i => ResizeWithPad.Apply(new RgbImage(30, 1, new byte[90]), 8192),
            "ResizeWithPad: 30 x 1 RGB at resolution 8192 becomes 245760 x 8192 pixels, more than 67108864; choose a " +
            "smaller resolution"
        },
        {
            i => InpaintHint.Apply(i, new RgbImage(1, 1, new byte[3])),
            "InpaintHint: the picture is 4 x 3 RGB, the mask 1 x 1 RGB; resize one to the other"
        },
        {
            i => NormalFromDepth.Apply(Depth(i), new() { Flatness = 0 }),
            "NormalFromDepthOptions.Flatness is 0, but must be from 1E-06 to 1000000"
        },
        {
            i => NormalFromDepth.Apply(new FloatImage(1, 1, 2, [0, 0])),
            "ImageGradients: the map has 2 channels, but must have 1"
        },
        {
            i => OpenPose.Draw(new PoseDocument()),
            "OpenPoseOptions.Width and OpenPoseOptions.Height must be given: the keypoints come without a canvas"
        },
        {
            i => OpenPose.Draw(new PoseDocument(), new() { Width = 9000, Height = 1 }),
            "OpenPoseOptions.Width is 9000, but must be from 1 to 8192"
        },
    };

    [Theory]
    [MemberData(nameof(Refusals), DisableDiscoveryEnumeration = true)]
    public void An_option_out_of_its_range_is_refused(Func<RgbImage, object> apply, string sentence)
    {
        RgbImage image = Pictures.Smooth(new Random(1), 4, 3);
        Assert.Equal(sentence, Assert.Throws<PreprocessingException>(() => apply(image)).Message);
    }

    private static FloatImage Depth(RgbImage image) => new(
        image.Width, image.Height, 1, [.. image.Pixels.ToArray().Where((_, i) => i % 3 == 0).Select(v => (float)v)]);
}
