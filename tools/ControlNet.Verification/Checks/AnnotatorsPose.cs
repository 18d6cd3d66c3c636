using System.Buffers;
using System.Collections.Generic;
using System.Text.Json;
using ControlNet.Native.Imaging;
using ControlNet.Native.Preprocessing;
using static ControlNet.Verification.Checks.AnnotatorsCheck;

namespace ControlNet.Verification.Checks;

/// <summary>The cases of <c>openpose</c>, drawn in both styles from the JSON a file of keypoints would hold.</summary>
internal static class AnnotatorsPose
{
    /// <summary>Compares one case, to the bit.</summary>
    public static IEnumerable<GoldenResult> Run(GoldenContext context, JsonElement entry)
    {
        string name = $"openpose/{Text(entry, "case")}";
        foreach ((string key, OpenPoseStyle style) in new[]
            { ("v10", OpenPoseStyle.V10), ("v11", OpenPoseStyle.V11) })
        {
            if (!entry.TryGetProperty(key, out JsonElement file))
            {
                continue; // hands are of the second style only
            }

            RgbImage? drawn = null;
            yield return Case($"{name}.{key}", () =>
            {
                drawn = OpenPose.Draw(
                    PoseDocument.Parse(KeyPoints(entry), name), new OpenPoseOptions { Style = style });
                return Same($"{name}.{key}", Picture(context, file.GetString()!), drawn);
            });
            if (entry.TryGetProperty($"nonzero_{key}", out JsonElement count))
            {
                int found = drawn is null ? -1 : Drawn(drawn);
                yield return GoldenResult.Exact(
                    $"{name}.nonzero_{key}", found == count.GetInt32(), $"expected {count} pixels, got {found}");
            }
        }
    }

    /// <summary>Pixels that are not black.</summary>
    internal static int Drawn(RgbImage image)
    {
        int drawn = 0;
        for (int i = 0; i < image.Pixels.Length; i += 3)
        {
            drawn += image.Pixels[i] + image.Pixels[i + 1] + image.Pixels[i + 2] > 0 ? 1 : 0;
        }

        return drawn;
    }

    /// <summary>
    /// The case as OpenPose's own file: hands, which the list keeps apart, belong to the first person.
    /// </summary>
    private static byte[] KeyPoints(JsonElement entry)
    {
        ArrayBufferWriter<byte> json = new();
        using Utf8JsonWriter writer = new(json);
        writer.WriteStartObject();
        writer.WriteNumber("canvas_width", entry.GetProperty("canvas_width").GetInt32());
        writer.WriteNumber("canvas_height", entry.GetProperty("canvas_height").GetInt32());
        writer.WriteStartArray("people");
        JsonElement hands = entry.GetProperty("hands");
        bool first = true;
        foreach (JsonElement person in entry.GetProperty("people").EnumerateArray())
        {
            writer.WriteStartObject();
            writer.WritePropertyName("pose_keypoints_2d");
            person.GetProperty("pose_keypoints_2d").WriteTo(writer);
            for (int i = 0; first && i < hands.GetArrayLength(); i++)
            {
                writer.WriteStartArray(i == 0 ? "hand_left_keypoints_2d" : "hand_right_keypoints_2d");
                foreach (JsonElement point in hands[i].EnumerateArray())
                {
                    point[0].WriteTo(writer);
                    point[1].WriteTo(writer);
                    writer.WriteNumberValue(1);
                }

                writer.WriteEndArray();
            }

            writer.WriteEndObject();
            first = false;
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.Flush();
        return json.WrittenSpan.ToArray();
    }
}
