using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text.Json;
using ControlNet.Native.Text;

namespace ControlNet.Verification.Checks;

/// <summary>
/// What brackets and key words of a prompt mean, against A1111's published parser: weights, <c>AND</c> and scheduled
/// prompts.
/// </summary>
public sealed class PromptSyntaxCheck : GoldenCheck
{
    private const string Cases = "tokenizer/prompt_syntax.json";

    /// <summary>The note in the file: relative to the weight.</summary>
    private const double Limit = 1e-12;

    /// <summary>
    /// Where the published parser raises: a weight that is no number, which is to be read as text in brackets.
    /// </summary>
    private const double WeightOfBrackets = 1.1;

    /// <inheritdoc/>
    public override IEnumerable<string> Files(GoldenContext context) => [Cases];

    /// <inheritdoc/>
    public override IEnumerable<GoldenResult> Run(GoldenContext context, string file)
    {
        JsonElement golden = context.Json(Cases);
        foreach (JsonElement item in golden.GetProperty("attention").EnumerateArray())
        {
            string text = Text(item);
            yield return Compare(Name("attention", item), Attention(item, text), PromptAttention.Parse(text));
        }

        foreach (JsonElement item in golden.GetProperty("and").EnumerateArray())
        {
            JsonElement expected = item.GetProperty("expected");
            yield return Compare(Name("and", item), Weighted(expected), PromptConjunction.Split(Text(item)));
        }

        foreach (JsonElement item in golden.GetProperty("schedule").EnumerateArray())
        {
            int steps = item.GetProperty("steps").GetInt32();
            ScheduledText[] expected = [.. item.GetProperty("expected").EnumerateArray()
                .Select(entry => new ScheduledText(entry[0].GetInt32(), entry[1].GetString()!))];
            IReadOnlyList<ScheduledText> actual = PromptSchedule.Parse(Text(item), steps);
            yield return GoldenResult.Exact(
                string.Create(CultureInfo.InvariantCulture, $"{Name("schedule", item)}, {steps} steps"),
                expected.SequenceEqual(actual), $"expected {Shown(expected)}, got {Shown(actual)}");
        }
    }

    /// <summary>The weight of the last bracket is at fault in the only case there is: all before it is text.</summary>
    private static WeightedText[] Attention(JsonElement item, string text)
    {
        JsonElement expected = item.GetProperty("expected");
        return expected.ValueKind == JsonValueKind.Array
            ? Weighted(expected)
            : [new WeightedText(text.Trim('(', ')'), WeightOfBrackets)];
    }

    private static WeightedText[] Weighted(JsonElement expected) =>
    [
        .. expected.EnumerateArray().Select(piece => new WeightedText(piece[0].GetString()!, piece[1].GetDouble())),
    ];

    private static GoldenResult Compare(
        string name, IReadOnlyList<WeightedText> expected, IReadOnlyList<WeightedText> actual)
    {
        if (!expected.Select(piece => piece.Text).SequenceEqual(actual.Select(piece => piece.Text)))
        {
            return GoldenResult.Exact(name, equal: false, $"expected {Shown(expected)}, got {Shown(actual)}");
        }

        double error = expected.Zip(actual, (one, other) =>
            one.Weight == other.Weight ? 0 : Math.Abs(one.Weight - other.Weight) / Math.Abs(one.Weight)).Max();
        return new GoldenResult(name, error, Limit);
    }

    private static string Text(JsonElement item) => item.GetProperty("text").GetString()!;

    private static string Name(string kind, JsonElement item) =>
        string.Create(CultureInfo.InvariantCulture, $"{kind} {item.GetProperty("id").GetInt32()}");

    private static string Shown<T>(IEnumerable<T> pieces) => string.Join(", ", pieces);
}
