using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using ControlNet.Native.Imaging;
using ControlNet.Native.Preprocessing;
using ControlNet.Native.Tensors;

namespace ControlNet.Verification.Checks;

/// <summary>
/// The preprocessors against pictures that OpenCV and the annotators of ControlNet made: every case of
/// <c>annotators.json</c>. Limits are those the file states, in steps of 255 or shares of pixels; exact where it says
/// so.
/// </summary>
public sealed class AnnotatorsCheck : GoldenCheck
{
    private const string List = "annotators/annotators.json";

    /// <summary>Parts of the list that hold cases, and those that only describe.</summary>
    private static readonly string[] s_known =
    [
        "rgb_to_gray", "canny", "resize", "gaussian_blur", "normal_from_depth", "misc", "content_shuffle", "openpose",
        "variant", "seed", "opencv", "numpy", "inputs",
    ];

    /// <inheritdoc/>
    public override IEnumerable<string> Files(GoldenContext context) =>
        File.Exists(context.Path("annotators", "annotators.json")) ? [List] : [];

    /// <inheritdoc/>
    public override IEnumerable<GoldenResult> Run(GoldenContext context, string file)
    {
        JsonElement list = context.Json(file);
        return Inputs(context, list)
            .Concat(Cases(list, "canny").SelectMany(entry => OneCanny(context, entry)))
            .Concat(Cases(list, "resize").SelectMany(entry => OneResize(context, entry)))
            .Concat(Cases(list, "gaussian_blur").SelectMany(entry => OneBlur(context, entry)))
            .Concat(Cases(list, "misc").SelectMany(entry => AnnotatorsMisc.Run(context, entry)))
            .Concat(Cases(list, "normal_from_depth").SelectMany(entry => OneNormal(context, entry)))
            .Concat(Cases(list, "content_shuffle").SelectMany(entry => OneShuffle(context, entry)))
            .Concat(Cases(list, "openpose").SelectMany(entry => AnnotatorsPose.Run(context, entry)));
    }

    /// <inheritdoc/>
    public override IEnumerable<string> NotCovered(GoldenContext context, string file) =>
        context.Json(file).EnumerateObject().Select(part => part.Name).Except(s_known)
            .Select(name => $"'{name}': a part this check does not know");

    /// <summary>One comparison; what the library throws is a failure of this case alone.</summary>
    internal static GoldenResult Case(string name, Func<GoldenResult> compare)
    {
        try
        {
            return compare();
        }
        catch (EngineException e)
        {
            return new GoldenResult(name, double.NaN, 0, $"{e.GetType().Name}: {e.Message}");
        }
    }

    /// <summary>A picture of the folder.</summary>
    internal static RgbImage Picture(GoldenContext context, string file) =>
        RgbImage.Load(context.Path("annotators", file));

    /// <summary>The input a case names, for example <c>sphere</c>.</summary>
    internal static RgbImage Input(GoldenContext context, JsonElement entry) =>
        Picture(context, $"in_{Text(entry, "image")}.png");

    /// <summary>A property that is a text.</summary>
    internal static string Text(JsonElement entry, string property) => entry.GetProperty(property).GetString()!;

    /// <summary>Equal to the bit.</summary>
    internal static GoldenResult Same(string name, RgbImage expected, RgbImage actual)
    {
        if (SizeProblem(expected, actual) is { } problem)
        {
            return new GoldenResult(name, 1, 0, problem);
        }

        int at = expected.Pixels.CommonPrefixLength(actual.Pixels);
        return GoldenResult.Exact(
            name, at == expected.Pixels.Length,
            at == expected.Pixels.Length ? string.Empty
                : $"pixel ({at / 3 % expected.Width}, {at / 3 / expected.Width}): expected {expected.Pixels[at]}, " +
                $"got {actual.Pixels[at]}; {DifferingShare(expected, actual):P2} of the pixels differ");
    }

    /// <summary>The largest difference of a byte.</summary>
    internal static GoldenResult Within(string name, RgbImage expected, RgbImage actual, double limit)
    {
        if (SizeProblem(expected, actual) is { } problem)
        {
            return new GoldenResult(name, double.NaN, limit, problem);
        }

        int worst = 0;
        for (int i = 0; i < expected.Pixels.Length; i++)
        {
            worst = Math.Max(worst, Math.Abs(expected.Pixels[i] - actual.Pixels[i]));
        }

        return new GoldenResult(name, worst, limit);
    }

    /// <summary>The share of pixels that differ.</summary>
    internal static GoldenResult Share(string name, RgbImage expected, RgbImage actual, double limit) =>
        SizeProblem(expected, actual) is { } problem
            ? new GoldenResult(name, double.NaN, limit, problem)
            : new GoldenResult(name, DifferingShare(expected, actual), limit);

    private static double DifferingShare(RgbImage expected, RgbImage actual)
    {
        int differing = 0;
        for (int i = 0; i < expected.Pixels.Length; i += 3)
        {
            differing += expected.Pixels.Slice(i, 3).SequenceEqual(actual.Pixels.Slice(i, 3)) ? 0 : 1;
        }

        return differing / (expected.Pixels.Length / 3.0);
    }

    private static string? SizeProblem(RgbImage expected, RgbImage actual) =>
        expected.Width == actual.Width && expected.Height == actual.Height
            ? null
            : $"expected {expected}, got {actual}";

    private static JsonElement.ArrayEnumerator Cases(JsonElement list, string part) =>
        list.GetProperty(part).GetProperty("cases").EnumerateArray();

    /// <summary>Size of each input, and its luminance by the formula of the list.</summary>
    private static IEnumerable<GoldenResult> Inputs(GoldenContext context, JsonElement list)
    {
        foreach (JsonProperty input in list.GetProperty("inputs").EnumerateObject())
        {
            RgbImage image = Picture(context, Text(input.Value, "file"));
            int width = input.Value.GetProperty("w").GetInt32(), height = input.Value.GetProperty("h").GetInt32();
            yield return GoldenResult.Exact(
                $"inputs/{input.Name}", image.Width == width && image.Height == height,
                $"expected {width} x {height}, got {image}");
            byte[] expected = image.Pixels.ToArray();
            for (int i = 0; i < expected.Length; i += 3)
            {
                int sum = (9798 * expected[i]) + (19235 * expected[i + 1]) + (3735 * expected[i + 2]);
                expected.AsSpan(i, 3).Fill((byte)((sum + 16384) >> 15));
            }

            yield return Same(
                $"rgb_to_gray/{input.Name}", new RgbImage(width, height, expected), Grey.Apply(image));
        }
    }

    private static IEnumerable<GoldenResult> OneCanny(GoldenContext context, JsonElement entry)
    {
        string file = Text(entry, "file"), name = $"canny/{file}";
        RgbImage? edges = null;
        yield return Case(name, () =>
        {
            edges = Canny.Apply(Input(context, entry), new CannyOptions
            {
                Low = entry.GetProperty("low").GetDouble(),
                High = entry.GetProperty("high").GetDouble(),
                L2 = entry.GetProperty("l2").GetBoolean(),
                Grey = entry.GetProperty("gray_input").GetBoolean(),
            });
            return Same(name, Picture(context, file), edges);
        });
        int expected = entry.GetProperty("edges").GetInt32(), count = edges is null ? -1 : AnnotatorsPose.Drawn(edges);
        yield return GoldenResult.Exact(
            $"{name}.edges", count == expected, $"expected {expected} pixels of edges, got {count}");
    }

    private static IEnumerable<GoldenResult> OneResize(GoldenContext context, JsonElement entry)
    {
        string file = Text(entry, "file"), name = $"resize/{file}", mode = Text(entry, "mode");
        RgbImage expected = Picture(context, file), input = Input(context, entry);
        int width = entry.GetProperty("out_w").GetInt32(), height = entry.GetProperty("out_h").GetInt32();
        yield return Case(name, () =>
        {
            RgbImage resized = ImageResize.Apply(input, width, height, mode switch
            {
                "nearest" => Interpolation.Nearest,
                "area" => Interpolation.Area,
                "linear" => Interpolation.Linear,
                "cubic" => Interpolation.Cubic,
                "lanczos" => Interpolation.Lanczos4,
                _ => throw new InvalidDataException($"unknown mode '{mode}'"),
            });
            return mode == "nearest" ? Same(name, expected, resized) : Within(name, expected, resized, 1);
        });
        if (entry.TryGetProperty("rule", out JsonElement rule))
        {
            // "resize_image(resolution=64): …"
            string digits = new([.. rule.GetString()!.SkipWhile(c => !char.IsDigit(c)).TakeWhile(char.IsDigit)]);
            int resolution = int.Parse(digits, System.Globalization.CultureInfo.InvariantCulture);
            yield return Case(name, () =>
                Within($"{name}.rule", expected, ImageResize.ToResolution(input, resolution), 1));
        }
    }

    private static IEnumerable<GoldenResult> OneBlur(GoldenContext context, JsonElement entry)
    {
        string file = Text(entry, "file"), name = $"gaussian_blur/{file}";
        yield return Case(name, () => Within(
            name, Picture(context, file),
            GaussianBlur.Apply(Input(context, entry), new GaussianBlurOptions
            {
                KernelSize = entry.GetProperty("ksize").GetInt32(),
                Sigma = entry.GetProperty("sigma").GetDouble(),
            }),
            1));
    }

    /// <summary>
    /// The pictures of depth and normals; the floats are those of <see cref="AnnotatorTensorsCheck"/>.
    /// </summary>
    private static IEnumerable<GoldenResult> OneNormal(GoldenContext context, JsonElement entry)
    {
        string name = $"normal_from_depth/{Text(entry, "case")}";
        FloatImage depth = AnnotatorTensorsCheck.Depth(context, Text(entry, "case"));
        yield return Case(name, () => Within(
            $"{name}.depth", Picture(context, Text(entry, "depth_image")),
            NormalFromDepth.Shares(depth).ToRgb(PixelRange.ZeroToOne, PixelRounding.Truncate), 1));
        yield return Case(name, () => Within(
            $"{name}.normal", Picture(context, Text(entry, "normal_image_rgb")),
            NormalFromDepth.Apply(depth, AnnotatorTensorsCheck.NormalOptions(entry))
                .ToRgb(PixelRange.MinusOneToOne, PixelRounding.Truncate),
            1));
    }

    private static IEnumerable<GoldenResult> OneShuffle(GoldenContext context, JsonElement entry)
    {
        string file = Text(entry, "file"), name = $"content_shuffle/{file}";
        RgbImage input = Input(context, entry), expected = Picture(context, file);
        RgbImage? shuffled = null;
        yield return Case(name, () =>
        {
            int grid = entry.GetProperty("F").GetInt32();
            shuffled = ContentShuffle.Warp(
                input, AnnotatorTensorsCheck.Flow(context, Text(entry, "tensors").Split('/')[0], grid, input));
            return Within(name, expected, shuffled, 8);
        });
        double mean = shuffled is null ? double.NaN
            : Enumerable.Range(0, expected.Pixels.Length)
                .Average(i => Math.Abs((double)expected.Pixels[i] - shuffled.Pixels[i]));
        yield return new GoldenResult($"{name}.mean", mean, 1);
    }
}
