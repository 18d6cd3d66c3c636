using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;

namespace ControlNet.Native.Sampling;

/// <summary>
/// The keys of one JSON object, read with messages that name the file, the key, the value and the cure. Null means
/// absent or null.
/// </summary>
/// <param name="File">What messages call the file; fit for a message.</param>
/// <param name="Root">The object.</param>
internal readonly record struct JsonKeys(string File, JsonElement Root)
{
    public SamplingException Problem(string key, string problem, string cure) =>
        new($"{File}: key '{key}' {problem}; {cure}");

    public bool? Flag(string key) => Find(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { } other => throw Problem(key, $"is {Show(other)}", "it must be true or false"),
    };

    public string? String(string key) => Find(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } text => Decode(key, text),
        { } other => throw Problem(key, $"is {Show(other)}", "it must be a string"),
    };

    public int? Integer(string key, int low, int high) => Find(key) is not { } element ? null
        : element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out int value)
            && value >= low && value <= high ? value
        : throw Problem(key, $"is {Show(element)}", $"it must be an integer from {low} to {high}");

    public double? Number(string key, double low, double high) =>
        Find(key) is { } element ? Number(key, element, low, high) : null;

    /// <summary>A number, or one of the infinities as the string or the bare word that Python writes.</summary>
    public double? NumberOrInfinity(string key) => Find(key) is not { } element ? null
        : element.ValueKind == JsonValueKind.String && Decode(key, element) is "-Infinity" or "-inf"
            ? double.NegativeInfinity
        : Number(key, element, -1e6, 1e6);

    public double[]? Numbers(string key, int longest, double low, double high)
    {
        if (Find(key) is not { } element)
        {
            return null;
        }

        if (element.ValueKind != JsonValueKind.Array || element.GetArrayLength() > longest)
        {
            throw Problem(key, $"is {Show(element)}", $"it must be an array of at most {longest} numbers");
        }

        List<double> numbers = [];
        foreach (JsonElement item in element.EnumerateArray())
        {
            numbers.Add(Number(key, item, low, high));
        }

        return [.. numbers];
    }

    public T? OneOf<T>(string key, (string Name, T Value)[] choices) where T : struct
    {
        if (String(key) is not { } text)
        {
            return null;
        }

        foreach ((string name, T value) in choices)
        {
            if (name == text)
            {
                return value;
            }
        }

        string known = string.Join(", ", choices.Select(choice => choice.Name));
        throw Problem(key, $"is '{SamplingException.Quote(text)}', which is not known", $"it must be one of {known}");
    }

    private double Number(string key, JsonElement element, double low, double high)
    {
        return element.ValueKind == JsonValueKind.Number && element.TryGetDouble(out double value)
            && value >= low && value <= high
            ? value
            : throw Problem(
                key, $"is {Show(element)}", FormattableString.Invariant($"it must be a number from {low} to {high}"));
    }

    private JsonElement? Find(string key) =>
        Root.TryGetProperty(key, out JsonElement element) && element.ValueKind != JsonValueKind.Null ? element : null;

    /// <summary>A lone surrogate makes GetString throw; it is bad input like any other.</summary>
    private string Decode(string key, JsonElement element)
    {
        try
        {
            return element.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw new SamplingException($"{File}: key '{key}' is not valid text; write it as UTF-8", e);
        }
    }

    private static string Show(JsonElement element) => SamplingException.Quote(element.GetRawText());
}
