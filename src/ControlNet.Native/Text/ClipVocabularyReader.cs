using System;
using System.Collections.Generic;
using System.IO;
using System.Text.Json;

namespace ControlNet.Native.Text;

/// <summary>Makes vocabularies from the two kinds of files they are published in.</summary>
internal static class ClipVocabularyReader
{
    // Source: openai/CLIP simple_tokenizer.py: 49152 - 256 - 2 merges; the rest of the 262,145 lines is not used.
    private const int OpenAiMergeCount = 48_894;
    private const int HighestId = 1_000_000;

    /// <summary>Reads <c>vocab.json</c> and <c>merges.txt</c>.</summary>
    /// <exception cref="TokenizerException">A file is missing, damaged, or does not fit the other.</exception>
    public static ClipVocabulary FromFolder(string folder)
    {
        string vocabularyPath = Path.Combine(folder, "vocab.json"), mergesPath = Path.Combine(folder, "merges.txt");
        ClipVocabulary vocabulary = ReadSymbols(vocabularyPath);
        long number = 0;
        foreach (ReadOnlySpan<char> line in TokenizerFile.ReadText(mergesPath).AsSpan().EnumerateLines())
        {
            number++;
            bool header = number == 1 && line.StartsWith("#version", StringComparison.Ordinal);
            if (!header && !line.IsEmpty)
            {
                (string left, string right) = Pair(mergesPath, number, line);
                vocabulary.AddMerge(mergesPath, number, left, right);
            }
        }

        return vocabulary;
    }

    /// <summary>
    /// Reads OpenAI's merge list. The vocabulary is: 256 byte symbols, the same with the end-of-word mark, one symbol
    /// for each merge, start of text, end of text.
    /// </summary>
    /// <exception cref="TokenizerException">The file is missing, damaged or too short.</exception>
    public static ClipVocabulary FromBpeFile(string path, string startOfText, string endOfText)
    {
        List<(string Left, string Right, long Line)> merges = new(OpenAiMergeCount);
        long number = 0;
        foreach (ReadOnlySpan<char> line in TokenizerFile.ReadText(path).AsSpan().EnumerateLines())
        {
            // Line 1 names the version.
            if (++number > 1 && merges.Count < OpenAiMergeCount && !line.IsEmpty)
            {
                (string left, string right) = Pair(path, number, line);
                merges.Add((left, right, number));
            }
        }

        if (merges.Count < OpenAiMergeCount)
        {
            throw TokenizerException.InFile(
                path, $"the file has {merges.Count} merges, CLIP needs {OpenAiMergeCount}; download it again");
        }

        Dictionary<string, int> ids = new(StringComparer.Ordinal);
        foreach (string mark in (ReadOnlySpan<string>)["", ByteSymbols.EndOfWord])
        {
            foreach (byte value in ByteSymbols.VocabularyOrder())
            {
                ids.Add(ByteSymbols.OfByte[value] + mark, ids.Count);
            }
        }

        foreach ((string left, string right, long line) in merges)
        {
            string merged = left + right;
            if (!ids.TryAdd(merged, ids.Count))
            {
                throw TokenizerException.InLine(
                    path, line,
                    $"the symbol {TokenizerException.Quote(merged)} is made twice; download the file again");
            }
        }

        ids[startOfText] = ids.Count;
        ids[endOfText] = ids.Count;
        ClipVocabulary vocabulary = new(path, ids, ids.Count);
        foreach ((string left, string right, long line) in merges)
        {
            vocabulary.AddMerge(path, line, left, right);
        }

        return vocabulary;
    }

    private static ClipVocabulary ReadSymbols(string path)
    {
        using JsonDocument document = TokenizerFile.ReadJson(path);
        Dictionary<string, int> ids = new(StringComparer.Ordinal);
        HashSet<int> taken = [];
        int size = 0;
        foreach (JsonProperty entry in document.RootElement.EnumerateObject())
        {
            string symbol = NameOf(path, entry);
            if (entry.Value.ValueKind != JsonValueKind.Number || !entry.Value.TryGetInt32(out int id) ||
                id is < 0 or > HighestId)
            {
                throw TokenizerException.InFile(
                    path,
                    $"the id of {TokenizerException.Quote(symbol)} is not an integer from 0 to {HighestId}; " +
                    "download the file again");
            }

            if (!taken.Add(id) || !ids.TryAdd(symbol, id))
            {
                throw TokenizerException.InFile(
                    path,
                    $"{TokenizerException.Quote(symbol)} repeats a symbol or its id {id}; download the file again");
            }

            size = Math.Max(size, id + 1);
        }

        return new ClipVocabulary(path, ids, size);
    }

    private static string NameOf(string path, JsonProperty entry)
    {
        try
        {
            return entry.Name;
        }
        catch (InvalidOperationException e)
        {
            throw TokenizerException.InFile(path, "a symbol is a lone surrogate; download the file again", e);
        }
    }

    private static (string Left, string Right) Pair(string path, long number, ReadOnlySpan<char> line)
    {
        int space = line.IndexOf(' ');
        if (space <= 0 || space == line.Length - 1 || line[(space + 1)..].Contains(' '))
        {
            throw TokenizerException.InLine(
                path, number,
                $"expected two symbols with a space between, found {TokenizerException.Quote(line.ToString())}; " +
                "download the file again");
        }

        return (line[..space].ToString(), line[(space + 1)..].ToString());
    }
}
