using System;
using System.Collections.Generic;
using System.IO;
using System.Text;

namespace ControlNet.Native.Text;

/// <summary>
/// Turns prompts into the token ids of CLIP's text encoder, id for id as Hugging Face's fast CLIP tokenizer does.
/// Source: Radford et al., 2021, arXiv:2103.00020, section 2.4; byte-level byte pairs with an end-of-word mark.
/// Immutable: any number of threads may use one instance.
/// </summary>
/// <remarks>
/// Text is put into normalisation form C and lower case; nothing is repaired, unescaped or removed. Special tokens
/// written in a prompt are recognised: the end of text exactly as spelt, the start of text in either case.
/// A lone surrogate reads as U+FFFD.
/// </remarks>
public sealed class ClipTokenizer
{
    private readonly ClipVocabulary _vocabulary;
    private readonly ClipSpecialTokens _special;
    private readonly string _normalStart;

    private ClipTokenizer(string path, ClipVocabulary vocabulary, ClipSpecialTokens special)
    {
        (_vocabulary, _special) = (vocabulary, special);
        _normalStart = ClipTextNormalizer.Normalize(special.StartOfText);
        BosId = SpecialId(path, special.StartOfText);
        EosId = SpecialId(path, special.EndOfText);
        PadId = SpecialId(path, special.Padding);
    }

    private ClipTokenizer(ClipTokenizer original, int padId)
    {
        (_vocabulary, _special, _normalStart) = (original._vocabulary, original._special, original._normalStart);
        (BosId, EosId, PadId) = (original.BosId, original.EosId, padId);
    }

    /// <summary>Begins every framed prompt: 49406 in Stable Diffusion.</summary>
    public int BosId { get; }

    /// <summary>Ends the words of every framed prompt: 49407 in Stable Diffusion.</summary>
    public int EosId { get; }

    /// <summary>Fills up a framed prompt: <see cref="EosId"/> in Stable Diffusion 1, 0 in 2.</summary>
    public int PadId { get; }

    /// <summary>Rows that the text encoder's embedding must have at least: 49408 in Stable Diffusion.</summary>
    public int VocabularySize => _vocabulary.Size;

    /// <summary>Tokens of a framed prompt, begin and end included: 77.</summary>
    public int MaxLength => _special.MaxLength;

    /// <summary>
    /// Reads a tokenizer folder or a merge list: <see cref="FromFolder"/> or <see cref="FromBpeFile"/>.
    /// </summary>
    /// <param name="path">A folder or a file.</param>
    /// <exception cref="TokenizerException">There is nothing of the kind at the path, or it is damaged.</exception>
    public static ClipTokenizer Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return Directory.Exists(path) ? FromFolder(path) : FromBpeFile(path);
    }

    /// <summary>
    /// Reads the tokenizer folder of a Diffusers model: <c>vocab.json</c> and <c>merges.txt</c>, and where present
    /// <c>tokenizer_config.json</c> and <c>special_tokens_map.json</c> for padding and length.
    /// </summary>
    /// <param name="folder">For example <c>stable-diffusion-v1-5/tokenizer</c>.</param>
    /// <exception cref="TokenizerException">A file is missing, damaged, or does not fit the others.</exception>
    public static ClipTokenizer FromFolder(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ClipVocabulary vocabulary = ClipVocabularyReader.FromFolder(folder);
        return new ClipTokenizer(Path.Combine(folder, "vocab.json"), vocabulary, ClipSpecialTokens.FromFolder(folder));
    }

    /// <summary>
    /// Reads OpenAI's <c>bpe_simple_vocab_16e6.txt.gz</c> or its unpacked text; pads with the end of text, as Stable
    /// Diffusion 1 does. For Stable Diffusion 2 follow with <see cref="WithPadId"/>(0).
    /// </summary>
    /// <param name="path">The file; packed or not is seen from its first bytes.</param>
    /// <exception cref="TokenizerException">The file is missing, damaged or too short.</exception>
    public static ClipTokenizer FromBpeFile(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        ClipSpecialTokens special = ClipSpecialTokens.Default;
        return new ClipTokenizer(
            path, ClipVocabularyReader.FromBpeFile(path, special.StartOfText, special.EndOfText), special);
    }

    /// <summary>The same tokenizer with another padding; shares the vocabulary.</summary>
    /// <param name="padId">From 0 to <see cref="VocabularySize"/> - 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The id is outside the vocabulary.</exception>
    public ClipTokenizer WithPadId(int padId)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(padId);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(padId, VocabularySize);
        return new ClipTokenizer(this, padId);
    }

    /// <summary>The tokens of a text, unframed and of any number. Time grows as n log n with the text.</summary>
    /// <param name="text">Any text, empty included.</param>
    public int[] Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<int> ids = [];
        BytePairEncoder encoder = new(_vocabulary);

        // Hugging Face looks for the end of text before normalising and for the start of text after it.
        ForEachPart(text, _special.EndOfText, EosId, ids, part =>
            ForEachPart(ClipTextNormalizer.Normalize(part), _normalStart, BosId, ids, normal =>
                EncodeWords(normal, encoder, ids)));
        return [.. ids];
    }

    /// <summary>Frames a prompt as the text encoder takes it; what does not fit is dropped.</summary>
    /// <inheritdoc cref="EncodePrompt(string, out int)"/>
    public int[] EncodePrompt(string prompt) => EncodePrompt(prompt, out _);

    /// <summary>Frames a prompt as the text encoder takes it; what does not fit is dropped.</summary>
    /// <param name="prompt">Any text, empty included.</param>
    /// <param name="droppedTokens">How many tokens at the end did not fit.</param>
    /// <returns><c>[MaxLength]</c>: begin, at most <c>MaxLength - 2</c> tokens, end, padding.</returns>
    public int[] EncodePrompt(string prompt, out int droppedTokens)
    {
        int[] ids = Encode(prompt);
        int kept = Math.Min(ids.Length, MaxLength - 2);
        droppedTokens = ids.Length - kept;
        int[] framed = new int[MaxLength];
        Frame(ids.AsSpan(0, kept), framed);
        return framed;
    }

    /// <summary>Frames a prompt of any length as a row of chunks, each framed by itself; nothing is dropped.</summary>
    /// <param name="prompt">Any text, empty included.</param>
    /// <returns>
    /// <c>[n * MaxLength]</c> with n at least 1; the chunks are cut at every <c>MaxLength - 2</c> tokens.
    /// </returns>
    public int[] EncodeChunks(string prompt)
    {
        int[] ids = Encode(prompt);
        int width = MaxLength - 2;
        int chunkCount = Math.Max(1, (ids.Length + width - 1) / width);
        int[] framed = new int[checked(chunkCount * MaxLength)];
        for (int chunk = 0; chunk < chunkCount; chunk++)
        {
            int begin = chunk * width;
            Frame(ids.AsSpan(begin, Math.Min(width, ids.Length - begin)), framed.AsSpan(chunk * MaxLength, MaxLength));
        }

        return framed;
    }

    /// <summary>Writes begin, tokens, end and padding.</summary>
    internal void Frame(ReadOnlySpan<int> ids, Span<int> framed)
    {
        framed.Fill(PadId);
        framed[0] = BosId;
        ids.CopyTo(framed[1..]);
        framed[ids.Length + 1] = EosId;
    }

    private static void ForEachPart(
        string text, string separator, int separatorId, List<int> ids, Action<string> encode)
    {
        int begin = 0;
        while (text.IndexOf(separator, begin, StringComparison.Ordinal) is int at and >= 0)
        {
            encode(text[begin..at]);
            ids.Add(separatorId);
            begin = at + separator.Length;
        }

        encode(begin == 0 ? text : text[begin..]);
    }

    private static void EncodeWords(string normal, BytePairEncoder encoder, List<int> ids)
    {
        byte[] utf8 = [];
        ClipWordScanner words = new(normal);
        while (words.MoveNext())
        {
            int room = Encoding.UTF8.GetMaxByteCount(words.Current.Length);
            if (utf8.Length < room)
            {
                utf8 = new byte[room];
            }

            int bytes = Encoding.UTF8.GetBytes(words.Current, utf8);
            encoder.Encode(utf8.AsSpan(0, bytes), ids);
        }
    }

    private int SpecialId(string path, string token) => _vocabulary.TryFind(token, out int id)
        ? id
        : throw TokenizerException.InFile(
            path,
            $"the special token {TokenizerException.Quote(token)} is not in the vocabulary; " +
            "all files of the folder must come from the same model");
}
