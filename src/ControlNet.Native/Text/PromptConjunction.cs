using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace ControlNet.Native.Text;

/// <summary>
/// Prompts joined by <c>AND</c>, each with a weight behind a colon at its end. Source: A1111 stable-diffusion-webui,
/// prompt_parser.py <c>get_multicond_prompt_list</c>, whose results it gives; Liu et al., 2022, arXiv:2206.01714.
/// </summary>
public static class PromptConjunction
{
    /// <summary>Cuts a prompt at every <c>AND</c> that is a word of its own.</summary>
    /// <param name="text">Any text; none is wrong.</param>
    /// <returns>
    /// At least one prompt, without its weight and without white space at its end; 1 where there is no weight.
    /// </returns>
    public static IReadOnlyList<WeightedText> Split(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return [.. PromptWords.Split(text, "AND", trim: false).Select(Weighted)];
    }

    private static WeightedText Weighted(string part)
    {
        string text = part.TrimEnd();
        int number = text.Length;
        while (number > 0 && (char.IsAsciiDigit(text[number - 1]) || text[number - 1] == '.'))
        {
            number--;
        }

        number -= number > 0 && number < text.Length && text[number - 1] is '+' or '-' ? 1 : 0;
        string before = text[..number].TrimEnd();
        return before.EndsWith(':') && double.TryParse(
            text.AsSpan(number), NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint,
            CultureInfo.InvariantCulture, out double weight)
            ? new WeightedText(before[..^1].TrimEnd(), weight)
            : new WeightedText(text, 1);
    }
}
