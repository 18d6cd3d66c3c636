using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text.Json;
using ControlNet.Native.Imaging;
using ControlNet.Native.Preprocessing;
using static ControlNet.Verification.Checks.AnnotatorsCheck;

namespace ControlNet.Verification.Checks;

/// <summary>The cases of <c>misc</c>, one operation each.</summary>
internal static class AnnotatorsMisc
{
    /// <summary>Compares one case.</summary>
    public static IEnumerable<GoldenResult> Run(GoldenContext context, JsonElement entry)
    {
        string file = Text(entry, "file"), name = $"misc/{file}", image = Text(entry, "image");
        yield return Case(name, () =>
        {
            RgbImage expected = Picture(context, file), actual = Prepared(context, entry);
            return Text(entry, "tolerance") switch
            {
                "bit-identical" => Same(name, expected, actual),
                "max abs diff 1" => Within(name, expected, actual, 1),
                "max abs diff 2" => Within(name, expected, actual, 2),
                string share when share.StartsWith("<=", StringComparison.Ordinal) => Share(
                    name, expected, actual,
                    double.Parse(share.AsSpan(2, share.IndexOf('%', StringComparison.Ordinal) - 2),
                        CultureInfo.InvariantCulture) / 100),
                string other => new GoldenResult(name, double.NaN, 0, $"unknown tolerance '{other}'"),
            };
        });
        if (entry.TryGetProperty("otsu_threshold", out JsonElement level))
        {
            int found = Binary.OtsuLevel(Picture(context, $"in_{image}.png"));
            yield return GoldenResult.Exact(
                $"{name}.level", found == level.GetDouble(), $"expected level {level}, got {found}");
        }

        if (entry.TryGetProperty("target_w", out JsonElement width))
        {
            PaddedImage padded = ResizeWithPad.Apply(
                Picture(context, $"in_{image}.png"), entry.GetProperty("resolution").GetInt32());
            int height = entry.GetProperty("target_h").GetInt32();
            yield return GoldenResult.Exact(
                $"{name}.content", padded.ContentWidth == width.GetInt32() && padded.ContentHeight == height,
                $"expected a content of {width} x {height}, got {padded.ContentWidth} x {padded.ContentHeight}");
        }
    }

    private static RgbImage Prepared(GoldenContext context, JsonElement entry)
    {
        string image = Text(entry, "image");
        RgbImage input = Picture(
            context, image.EndsWith(".png", StringComparison.Ordinal) ? image : $"in_{image}.png");
        return Text(entry, "op") switch
        {
            "scribble_from_drawing" => Scribble.Apply(input),
            "threshold" => Threshold.Apply(input, entry.GetProperty("threshold").GetInt32()),
            "binary" => Binary.Apply(input, entry.GetProperty("threshold").GetInt32()),
            "binary_otsu" => Binary.Apply(input),
            "nms" => EdgeThinning.Apply(input, new EdgeThinningOptions
            {
                Threshold = entry.GetProperty("t").GetDouble(),
                Sigma = entry.GetProperty("sigma").GetDouble(),
            }),
            "fake_scribble_tail" => FakeScribble.Thicken(input),
            "scribble_xdog" => ExtendedDoG.Apply(input, entry.GetProperty("threshold").GetInt32()),
            "HWC3_rgba_over_white" => input, // what reading a PNG does
            "invert" => Invert.Apply(input),
            "resize_image_with_pad" =>
                ResizeWithPad.Apply(input, entry.GetProperty("resolution").GetInt32()).Image,
            string other => throw new InvalidDataException($"unknown operation '{other}'"),
        };
    }
}
