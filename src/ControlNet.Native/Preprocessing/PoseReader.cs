using System;
using System.Collections.Generic;
using System.Text.Json;

namespace ControlNet.Native.Preprocessing;

/// <summary>
/// Reads the JSON of OpenPose and of sd-webui's editors. Where a canvas is given and every point lies in [0, 1], they
/// are shares of it, as some editors write them; else pixels.
/// </summary>
internal static class PoseReader
{
    /// <summary>OpenPose itself draws points of this confidence and more.</summary>
    public const double LeastConfidence = 0.05;

    private const int MaxBytes = 16 << 20, MaxPoints = 512, MaxEdge = 8192;

    /// <summary>Largest coordinate, in pixels: what is drawn is followed row by row from there.</summary>
    public const double MaxCoordinate = 100_000;

    /// <summary>Which of BODY_25's points are COCO's 18: it has the middle of the hips at 8, and feet at the
    /// end.</summary>
    private static readonly int[] s_cocoOfBody25 = [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18];

    /// <summary>See <see cref="PoseDocument.Parse"/>.</summary>
    public static PoseDocument Read(ReadOnlyMemory<byte> json, string name, double leastConfidence)
    {
        if (json.Length > MaxBytes)
        {
            throw new PoseFormatException(name, $"has {json.Length} bytes, more than the limit of {MaxBytes}");
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return Document(Root(document.RootElement, name), name, leastConfidence);
        }
        catch (JsonException e)
        {
            throw new PoseFormatException(name, $"is not JSON ({e.Message})");
        }
    }

    /// <summary>The document itself, or the only element of a list of them, as servers answer.</summary>
    private static JsonElement Root(JsonElement root, string name)
    {
        if (root.ValueKind == JsonValueKind.Array && root.GetArrayLength() == 1)
        {
            root = root[0];
        }

        return root.ValueKind == JsonValueKind.Object
            ? root
            : throw new PoseFormatException(name, $"is {Kind(root)}, but must be an object with 'people'");
    }

    private static PoseDocument Document(JsonElement root, string name, double leastConfidence)
    {
        int? width = Edge(root, "canvas_width", name), height = Edge(root, "canvas_height", name);
        if (width is null != height is null)
        {
            throw new PoseFormatException(name, "has one of 'canvas_width' and 'canvas_height', but must have both");
        }

        if (!root.TryGetProperty("people", out JsonElement people) || people.ValueKind != JsonValueKind.Array)
        {
            throw new PoseFormatException(name, "has no list 'people'; is it a file of OpenPose's keypoints?");
        }

        int count = people.GetArrayLength();
        if (count > PoseDocument.MaxFigures)
        {
            throw new PoseFormatException(
                name, $"has {count} people, more than the limit of {PoseDocument.MaxFigures}");
        }

        List<PoseFigure> figures = [];
        bool shares = width is not null;
        foreach (JsonElement person in people.EnumerateArray())
        {
            string place = $"people[{figures.Count}]";
            if (person.ValueKind != JsonValueKind.Object)
            {
                throw new PoseFormatException(name, $"{place} is {Kind(person)}, but must be an object");
            }

            PoseFigure figure = new()
            {
                Body = Body(person, place, name, leastConfidence),
                LeftHand = Hand(person, "hand_left_keypoints_2d", place, name, leastConfidence),
                RightHand = Hand(person, "hand_right_keypoints_2d", place, name, leastConfidence),
                Face = Points(person, "face_keypoints_2d", place, name, leastConfidence),
            };
            shares = shares && AreShares(figure);
            figures.Add(figure);
        }

        return new PoseDocument
        {
            Width = width,
            Height = height,
            Figures = shares ? [.. figures.ConvertAll(figure => OpenPose.Scaled(figure, width!.Value, height!.Value))]
                : figures,
        };
    }

    private static PosePoint?[] Body(JsonElement person, string place, string name, double leastConfidence)
    {
        const string Key = "pose_keypoints_2d";
        PosePoint?[] points = Points(person, Key, place, name, leastConfidence);
        return points.Length switch
        {
            0 or PoseFigure.BodyPoints => points,
            25 => Array.ConvertAll(s_cocoOfBody25, i => points[i]),
            _ => throw new PoseFormatException(
                name, $"{place}.{Key} has {points.Length} points, but must have 18 (COCO) or 25 (BODY_25)"),
        };
    }

    private static PosePoint?[] Hand(
        JsonElement person, string key, string place, string name, double leastConfidence)
    {
        PosePoint?[] points = Points(person, key, place, name, leastConfidence);
        return points.Length is 0 or PoseFigure.HandPoints
            ? points
            : throw new PoseFormatException(
                name, $"{place}.{key} has {points.Length} points, but must have {PoseFigure.HandPoints}");
    }

    private static PosePoint?[] Points(
        JsonElement person, string key, string place, string name, double leastConfidence)
    {
        if (!person.TryGetProperty(key, out JsonElement list) || list.ValueKind == JsonValueKind.Null)
        {
            return [];
        }

        int count = list.ValueKind == JsonValueKind.Array ? list.GetArrayLength() : -1;
        if (count < 0 || count % 3 != 0 || count > 3 * MaxPoints)
        {
            throw new PoseFormatException(
                name,
                $"{place}.{key} is {(count < 0 ? Kind(list) : $"a list of {count}")}, but must be a list of x, y and " +
                $"confidence for each of at most {MaxPoints} points");
        }

        double[] numbers = new double[count];
        for (int i = 0; i < count; i++)
        {
            JsonElement element = list[i];
            if (element.ValueKind != JsonValueKind.Number || !element.TryGetDouble(out numbers[i])
                || !(Math.Abs(numbers[i]) <= MaxCoordinate))
            {
                throw new PoseFormatException(
                    name, $"{place}.{key}[{i}] is {element.GetRawText()}, but must be a number of at most 100000");
            }
        }

        PosePoint?[] points = new PosePoint?[count / 3];
        for (int i = 0; i < points.Length; i++)
        {
            double confidence = numbers[(3 * i) + 2];
            points[i] = confidence > 0 && confidence >= leastConfidence
                ? new PosePoint(numbers[3 * i], numbers[(3 * i) + 1])
                : null;
        }

        return points;
    }

    private static int? Edge(JsonElement root, string key, string name)
    {
        if (!root.TryGetProperty(key, out JsonElement element) || element.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        return element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out int edge)
            && edge is >= 1 and <= MaxEdge
            ? edge
            : throw new PoseFormatException(
                name, $"'{key}' is {element.GetRawText()}, but must be a whole number from 1 to {MaxEdge}");
    }

    private static bool AreShares(PoseFigure figure)
    {
        foreach (IReadOnlyList<PosePoint?> part in (IReadOnlyList<PosePoint?>[])
            [figure.Body, figure.LeftHand, figure.RightHand, figure.Face])
        {
            foreach (PosePoint? point in part)
            {
                if (point is { } p && !(p.X is >= 0 and <= 1 && p.Y is >= 0 and <= 1))
                {
                    return false;
                }
            }
        }

        return true;
    }

    private static string Kind(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => $"a list of {element.GetArrayLength()}",
        JsonValueKind.String => "a text",
        JsonValueKind.Number => "a number",
        JsonValueKind.Null => "null",
        _ => "a truth value",
    };
}
