using System.Collections.Generic;

namespace ControlNet.Native.Text;

/// <summary>What two neighbouring symbols become.</summary>
/// <param name="Rank">Place in the merge list; the lowest is merged first.</param>
/// <param name="Id">The symbol they become.</param>
internal readonly record struct ClipMerge(int Rank, int Id);

/// <summary>Symbols and merges, proved complete when it is made and immutable afterwards.</summary>
internal sealed class ClipVocabulary
{
    private readonly Dictionary<string, int> _ids;
    private readonly Dictionary<(int Left, int Right), ClipMerge> _merges = [];
    private readonly int[] _byteIds = new int[256];
    private readonly int[] _lastByteIds = new int[256];

    /// <summary>Takes the symbols of a file; merges follow by <see cref="AddMerge"/>.</summary>
    /// <param name="path">Named by messages.</param>
    /// <param name="ids">The id of each symbol; owned by the vocabulary from here on.</param>
    /// <param name="size">One above the highest id.</param>
    /// <exception cref="TokenizerException">One of the 512 symbols of single bytes is missing.</exception>
    public ClipVocabulary(string path, Dictionary<string, int> ids, int size)
    {
        (_ids, Size) = (ids, size);
        for (int value = 0; value < 256; value++)
        {
            string symbol = ByteSymbols.OfByte[value].ToString();
            _byteIds[value] = Required(path, symbol, value);
            _lastByteIds[value] = Required(path, symbol + ByteSymbols.EndOfWord, value);
        }
    }

    /// <summary>Rows the text encoder's embedding must have.</summary>
    public int Size { get; }

    /// <summary>The id of a symbol.</summary>
    public bool TryFind(string symbol, out int id) => _ids.TryGetValue(symbol, out id);

    /// <summary>The symbol of one byte.</summary>
    public int ByteId(byte value, bool endsWord) => endsWord ? _lastByteIds[value] : _byteIds[value];

    /// <summary>What two neighbours merge into, if they do.</summary>
    public bool TryMerge(int left, int right, out ClipMerge merge) => _merges.TryGetValue((left, right), out merge);

    /// <summary>Appends the next merge of the list.</summary>
    /// <param name="path">Named by messages.</param>
    /// <param name="line">Line of the file, from 1.</param>
    /// <param name="left">Symbol on the left.</param>
    /// <param name="right">Symbol on the right.</param>
    /// <exception cref="TokenizerException">
    /// One of the three symbols is unknown, or the pair was merged before.
    /// </exception>
    public void AddMerge(string path, long line, string left, string right)
    {
        int leftId = Known(path, line, left), rightId = Known(path, line, right);
        int id = Known(path, line, left + right);
        if (!_merges.TryAdd((leftId, rightId), new ClipMerge(_merges.Count, id)))
        {
            throw TokenizerException.InLine(
                path, line,
                $"the pair {TokenizerException.Quote($"{left} {right}")} is listed twice; download the file again");
        }
    }

    private int Required(string path, string symbol, int value) => _ids.TryGetValue(symbol, out int id)
        ? id
        : throw TokenizerException.InFile(
            path,
            $"the symbol {TokenizerException.Quote(symbol)} of byte {value} is missing; " +
            "this is not a CLIP vocabulary, or it is incomplete: use the one of the model");

    private int Known(string path, long line, string symbol) => _ids.TryGetValue(symbol, out int id)
        ? id
        : throw TokenizerException.InLine(
            path, line,
            $"the symbol {TokenizerException.Quote(symbol)} is not in the vocabulary; " +
            "vocab.json and merges.txt must come from the same model");
}
