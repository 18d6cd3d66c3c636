using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.IO.Compression;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Text;
using Xunit;

namespace ControlNet.Native.Tests.Text;

public class ClipTokenizerTests
{
    private static readonly ClipTokenizer s_tiny =
        ClipTokenizer.FromFolder(Repository.Golden("models", "sd1-tiny", "tokenizer"));

    [Fact]
    public void Reads_the_frame_of_each_folder()
    {
        ClipTokenizer sd2 = ClipTokenizer.Load(Repository.Golden("models", "sd2-tiny", "tokenizer"));

        Assert.Equal(
            (832, 833, 833, 834, 77),
            (s_tiny.BosId, s_tiny.EosId, s_tiny.PadId, s_tiny.VocabularySize, s_tiny.MaxLength));
        Assert.Equal((832, 833, 0), (sd2.BosId, sd2.EosId, sd2.PadId));
    }

    [Fact]
    public void Frames_pads_and_counts_what_it_drops()
    {
        int[] framed = s_tiny.EncodePrompt("a red", out int dropped);
        Assert.Equal([832, 320, 685, .. Enumerable.Repeat(833, 74)], framed);
        Assert.Equal(0, dropped);

        framed = s_tiny.EncodePrompt(string.Concat(Enumerable.Repeat("a ", 75)), out dropped);
        Assert.Equal([832, .. Enumerable.Repeat(320, 75), 833], framed);
        Assert.Equal(0, dropped);

        framed = s_tiny.EncodePrompt(string.Concat(Enumerable.Repeat("a ", 80)), out dropped);
        Assert.Equal([832, .. Enumerable.Repeat(320, 75), 833], framed);
        Assert.Equal(5, dropped);
    }

    [Fact]
    public void Another_padding_changes_the_padding_only()
    {
        ClipTokenizer zero = s_tiny.WithPadId(0);

        Assert.Equal([832, 320, 833, .. Enumerable.Repeat(0, 74)], zero.EncodePrompt("a"));
        Assert.Equal(833, s_tiny.PadId);
        Assert.Throws<ArgumentOutOfRangeException>(() => s_tiny.WithPadId(834));
        Assert.Throws<ArgumentOutOfRangeException>(() => s_tiny.WithPadId(-1));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(75, 1)]
    [InlineData(76, 2)]
    [InlineData(151, 3)]
    public void Chunks_hold_every_token(int tokenCount, int chunkCount)
    {
        string prompt = string.Concat(Enumerable.Repeat("a ", tokenCount));
        int[] chunks = s_tiny.EncodeChunks(prompt);

        Assert.Equal(chunkCount * 77, chunks.Length);
        Assert.Equal(tokenCount, chunks.Count(id => id == 320));
        foreach (int[] chunk in chunks.Chunk(77))
        {
            Assert.Equal(832, chunk[0]);
            Assert.Contains(833, chunk);
        }

        Assert.Equal(s_tiny.EncodePrompt(prompt), chunks[..77]);
    }

    [Fact]
    public void Special_tokens_in_a_prompt_are_tokens()
    {
        int[] a = s_tiny.Encode("a"), b = s_tiny.Encode("b");

        Assert.Equal([.. a, 833, .. b], s_tiny.Encode("a <|endoftext|> b"));
        Assert.Equal([.. a, 832, .. b], s_tiny.Encode("A<|StartOfText|>b"));
        Assert.Equal([833, 833], s_tiny.Encode("<|endoftext|><|endoftext|>"));

        // The end of text is looked for before the text is in lower case.
        Assert.DoesNotContain(833, s_tiny.Encode("<|EndOfText|>"));
        Assert.DoesNotContain(833, s_tiny.Encode("<|endoftext"));
    }

    [Theory]
    [InlineData("it's 2x", "it|'s|2|x")]
    [InlineData("'section", "'s|ection")]
    [InlineData("'LL don't", "'ll|don|'t")]
    [InlineData("a.'s", "a|.'|s")]
    [InlineData("123", "1|2|3")]
    [InlineData("...!? ok", "...!?|ok")]
    [InlineData("a_b-c", "a|_|b|-|c")]
    [InlineData("\u2167\u00BDx", "\u2177|\u00BD|x")]
    [InlineData("e\u0329x", "e|\u0329|x")]
    [InlineData(" ", "")]
    [InlineData("'", "'")]
    public void Cuts_words_as_the_pattern_does(string text, string expected)
    {
        List<string> words = [];
        ClipWordScanner scanner = new(ClipTextNormalizer.Normalize(text));
        while (scanner.MoveNext())
        {
            words.Add(scanner.Current.ToString());
        }

        Assert.Equal(expected, string.Join('|', words));
    }

    /// <summary>The definition: merge the pair of lowest rank, leftmost first, until none is left.</summary>
    [Fact]
    public void Merges_as_the_definition_does()
    {
        ClipVocabulary vocabulary =
            ClipVocabularyReader.FromFolder(Repository.Golden("models", "sd1-tiny", "tokenizer"));
        BytePairEncoder encoder = new(vocabulary);
        Random random = new(3);
        string[] syllables = ["light", "house", "ing", "th", "e", "an", "o", "a", "w", "é", "x", "tion"];
        for (int round = 0; round < 3000; round++)
        {
            byte[] word = Encoding.UTF8.GetBytes(string.Concat(
                Enumerable.Range(0, random.Next(1, 9)).Select(_ => syllables[random.Next(syllables.Length)])));
            List<int> ids = [];
            encoder.Encode(word, ids);
            Assert.Equal(MergeNaively(vocabulary, word), ids);
        }
    }

    [Fact]
    public void A_megabyte_without_a_space_takes_seconds_not_hours()
    {
        Stopwatch watch = Stopwatch.StartNew();
        int[] letters = s_tiny.Encode(new string('x', 1 << 20));
        int[] words = s_tiny.Encode(string.Concat(Enumerable.Repeat("lighthouse", 100_000)));
        int[] marks = s_tiny.Encode("e" + string.Concat(Enumerable.Repeat("\u0301\u0316", 1 << 18)));

        Assert.Equal(1 << 20, letters.Length);
        Assert.NotEmpty(words);
        Assert.NotEmpty(marks);

        // Quadratic work would be 1e12 steps; these took 4 s together on two shared cores.
        Assert.True(watch.ElapsedMilliseconds < 60_000, $"took {watch.ElapsedMilliseconds} ms");
    }

    [Fact]
    public void Any_text_gives_ids_inside_the_vocabulary()
    {
        Random random = new(11);
        char[] units = new char[40];
        for (int round = 0; round < 2000; round++)
        {
            for (int i = 0; i < units.Length; i++)
            {
                // Every UTF-16 unit, lone surrogates among them.
                units[i] = (char)random.Next(0x10000);
            }

            Assert.All(s_tiny.Encode(new string(units)), id => Assert.InRange(id, 0, s_tiny.VocabularySize - 1));
        }
    }

    [Fact]
    public void Threads_share_one_instance()
    {
        string[] prompts = [.. Enumerable.Range(0, 200).Select(i => $"a lighthouse number {i}, painted at sunset")];
        int[][] expected = [.. prompts.Select(s_tiny.EncodePrompt)];

        Parallel.For(0, 2000, i => Assert.Equal(expected[i % 200], s_tiny.EncodePrompt(prompts[i % 200])));
    }

    /// <summary>A merge list of the right size made here: all of OpenAI's rules but its words.</summary>
    [Fact]
    public void Reads_a_merge_list_packed_or_not()
    {
        using TemporaryFolder folder = new();
        byte[] list = Encoding.UTF8.GetBytes(MergeList(48_894 + 10));
        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(list);
        }

        ClipTokenizer plain = ClipTokenizer.Load(folder.Write("bpe.txt", list));
        ClipTokenizer unpacked = ClipTokenizer.Load(folder.Write("bpe.bin", packed.ToArray()));

        Assert.Equal(
            (49406, 49407, 49407, 49408, 77),
            (plain.BosId, plain.EosId, plain.PadId, plain.VocabularySize, plain.MaxLength));

        // '!' is symbol 0 and merge 0 joins '!' with '!'; byte symbols with the mark begin at 256.
        Assert.Equal([512, 256], plain.Encode("!! !"));
        Assert.Equal(plain.EncodePrompt("!!a cat"), unpacked.EncodePrompt("!!a cat"));
    }

    /// <summary>Merges of every byte symbol with every closing one, in the order of the vocabulary.</summary>
    internal static string MergeList(int mergeCount)
    {
        char[] symbols = [.. ByteSymbols.VocabularyOrder().Select(value => ByteSymbols.OfByte[value])];
        StringBuilder list = new("#version: 0.2\n");
        for (int i = 0; i < mergeCount; i++)
        {
            list.Append(symbols[i / 256]).Append(' ').Append(symbols[i % 256]).Append("</w>\n");
        }

        return list.ToString();
    }

    private static List<int> MergeNaively(ClipVocabulary vocabulary, byte[] word)
    {
        List<int> ids = [.. word.Select((value, i) => vocabulary.ByteId(value, i == word.Length - 1))];
        while (true)
        {
            (int At, ClipMerge Merge) best = (-1, new ClipMerge(int.MaxValue, -1));
            for (int i = 0; i + 1 < ids.Count; i++)
            {
                if (vocabulary.TryMerge(ids[i], ids[i + 1], out ClipMerge merge) && merge.Rank < best.Merge.Rank)
                {
                    best = (i, merge);
                }
            }

            if (best.At < 0)
            {
                return ids;
            }

            ids[best.At] = best.Merge.Id;
            ids.RemoveAt(best.At + 1);
        }
    }
}
