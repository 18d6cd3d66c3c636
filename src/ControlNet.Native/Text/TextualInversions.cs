using System;
using System.Collections.Generic;
using System.Linq;

namespace ControlNet.Native.Text;

/// <summary>
/// The embeddings added to a model. Immutable: a request keeps those it began with.
/// </summary>
internal sealed class TextualInversions
{
    private readonly TextualInversion[] _all;
    private readonly int _vocabulary;

    private TextualInversions(int vocabulary, TextualInversion[] all) => (_vocabulary, _all) = (vocabulary, all);

    /// <summary>Their names, in the order they were added.</summary>
    public IReadOnlyList<string> Names => [.. _all.Select(one => one.Name)];

    /// <summary>All rows, <c>[sum of counts, width]</c>; row i is token <c>vocabulary + i</c>.</summary>
    public float[] Rows => [.. _all.SelectMany(one => one.Values.ToArray())];

    /// <summary>None yet.</summary>
    /// <param name="vocabulary">Rows the text encoder has of its own.</param>
    public static TextualInversions None(int vocabulary) => new(vocabulary, []);

    /// <summary>Names of those whose rows are among tokens.</summary>
    public IReadOnlyList<string> NamesOf(IEnumerable<int> tokens)
    {
        HashSet<int> found = [.. tokens.Where(token => token >= _vocabulary)];
        return [.. _all.Where(one => found.Contains(FirstToken(one))).Select(one => one.Name)];
    }

    /// <summary>Whether there is one of that name, whatever its case.</summary>
    public bool Has(string name) => _all.Any(one => IsNamed(one, name));

    /// <summary>These and one more.</summary>
    public TextualInversions With(TextualInversion added) => new(_vocabulary, [.. _all, added]);

    /// <summary>These without the one of that name.</summary>
    public TextualInversions Without(string name) => new(_vocabulary, [.. _all.Where(one => !IsNamed(one, name))]);

    /// <summary>
    /// Cuts a text at the names in it. A name counts where it stands by itself: not within a longer word.
    /// </summary>
    /// <returns>Texts, and embeddings with the token of their first row; where two names fit, the longer one.</returns>
    public IEnumerable<(string Text, TextualInversion? Inversion, int FirstToken)> Find(string text)
    {
        int begin = 0;
        for (int at = 0; _all.Length > 0 && at < text.Length;)
        {
            TextualInversion? found = _all.Where(one => StandsAt(text, at, one.Name)).MaxBy(one => one.Name.Length);
            if (found is null)
            {
                at++;
                continue;
            }

            if (at > begin)
            {
                yield return (text[begin..at], null, 0);
            }

            yield return (string.Empty, found, FirstToken(found));
            at += found.Name.Length;
            begin = at;
        }

        if (begin < text.Length)
        {
            yield return (text[begin..], null, 0);
        }
    }

    private int FirstToken(TextualInversion inversion) =>
        _vocabulary + _all.TakeWhile(one => !ReferenceEquals(one, inversion)).Sum(one => one.Count);

    private static bool IsNamed(TextualInversion one, string name) =>
        one.Name.Equals(name, StringComparison.OrdinalIgnoreCase);

    private static bool StandsAt(string text, int at, string name)
    {
        int end = at + name.Length;
        return string.Compare(text, at, name, 0, name.Length, StringComparison.OrdinalIgnoreCase) == 0
            && end <= text.Length
            && (at == 0 || !PromptWords.IsInWord(name[0]) || !PromptWords.IsInWord(text[at - 1]))
            && (end == text.Length || !PromptWords.IsInWord(name[^1]) || !PromptWords.IsInWord(text[end]));
    }
}
