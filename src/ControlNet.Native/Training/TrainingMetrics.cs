using System;
using System.Buffers;
using System.Text.Json;

namespace ControlNet.Native.Training;

/// <summary>What is written down of one optimiser step.</summary>
/// <param name="Step">Optimiser steps done with it, from 1.</param>
/// <param name="Loss">Mean squared error; NaN when the step was skipped.</param>
/// <param name="LearningRate">The rate it was taken with.</param>
/// <param name="GradientNorm">Norm of all gradients before clipping; NaN when it was skipped.</param>
/// <param name="ImagesPerSecond">How fast; the one number that differs between two runs of the same seed.</param>
public sealed record TrainingMetrics(
    long Step, double Loss, double LearningRate, double GradientNorm, double ImagesPerSecond)
{
    /// <summary>How well generated pictures obey their hints, 0 to 1; null when it was not measured.</summary>
    public double? Fidelity { get; init; }

    /// <summary>One line of JSON without its end.</summary>
    internal ReadOnlySpan<byte> ToLine()
    {
        ArrayBufferWriter<byte> line = new();
        using (Utf8JsonWriter writer = new(line))
        {
            writer.WriteStartObject();
            writer.WriteNumber("step", Step);
            WriteNumber(writer, "loss", Loss);
            WriteNumber(writer, "learning_rate", LearningRate);
            WriteNumber(writer, "gradient_norm", GradientNorm);
            WriteNumber(writer, "images_per_second", ImagesPerSecond);
            if (Fidelity is double fidelity)
            {
                WriteNumber(writer, "fidelity", fidelity);
            }

            writer.WriteEndObject();
        }

        return line.WrittenSpan;
    }

    /// <summary>Reads a line; null when it is none of ours.</summary>
    internal static TrainingMetrics? FromLine(ReadOnlyMemory<byte> line)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(line);
            JsonElement root = json.RootElement;
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("step", out JsonElement step)
                || !step.TryGetInt64(out long number))
            {
                return null;
            }

            return new TrainingMetrics(
                number, ReadNumber(root, "loss"), ReadNumber(root, "learning_rate"),
                ReadNumber(root, "gradient_norm"), ReadNumber(root, "images_per_second"))
            {
                Fidelity = root.TryGetProperty("fidelity", out _) ? ReadNumber(root, "fidelity") : null,
            };
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    // JSON has no NaN; null stands for it.
    private static void WriteNumber(Utf8JsonWriter writer, string name, double value)
    {
        if (double.IsFinite(value))
        {
            writer.WriteNumber(name, value);
        }
        else
        {
            writer.WriteNull(name);
        }
    }

    private static double ReadNumber(JsonElement root, string name) =>
        root.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number
            ? value.GetDouble()
            : double.NaN;
}
