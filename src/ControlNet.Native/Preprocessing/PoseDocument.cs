using System;
using System.Collections.Generic;
using ControlNet.Native.Imaging;

namespace ControlNet.Native.Preprocessing;

/// <summary>Figures on a canvas, as OpenPose and the editors for it write them.</summary>
public sealed record PoseDocument
{
    /// <summary>Most people of a document.</summary>
    public const int MaxFigures = 1000;

    /// <summary>Width of the canvas in pixels; null where the file does not say.</summary>
    public int? Width { get; init; }

    /// <summary>Height of the canvas in pixels; null where the file does not say.</summary>
    public int? Height { get; init; }

    /// <summary>The people, in the order they are drawn.</summary>
    public IReadOnlyList<PoseFigure> Figures { get; init; } = [];

    /// <summary>Reads a file of keypoints.</summary>
    /// <param name="path">JSON: <c>people[].pose_keypoints_2d</c> with x, y and confidence of 18 points (COCO) or 25
    /// (BODY_25), likewise <c>hand_left_keypoints_2d</c>, <c>hand_right_keypoints_2d</c>, <c>face_keypoints_2d</c>,
    /// and <c>canvas_width</c> and <c>canvas_height</c>.</param>
    /// <param name="leastConfidence">A point of less confidence, or of none at all, is missing.</param>
    /// <exception cref="ImageFileException">The file cannot be opened or read.</exception>
    /// <exception cref="PoseFormatException">It is not such a file.</exception>
    public static PoseDocument Load(string path, double leastConfidence = PoseReader.LeastConfidence)
    {
        ArgumentNullException.ThrowIfNull(path);
        return PoseReader.Read(ImageFile.Read(path), path, leastConfidence);
    }

    /// <summary>Reads keypoints from memory.</summary>
    /// <param name="json">The whole file, UTF-8.</param>
    /// <param name="name">What messages call it.</param>
    /// <param name="leastConfidence">A point of less confidence, or of none at all, is missing.</param>
    /// <exception cref="PoseFormatException">It is not such a file.</exception>
    public static PoseDocument Parse(
        ReadOnlyMemory<byte> json, string name, double leastConfidence = PoseReader.LeastConfidence)
    {
        ArgumentNullException.ThrowIfNull(name);
        return PoseReader.Read(json, name, leastConfidence);
    }
}
