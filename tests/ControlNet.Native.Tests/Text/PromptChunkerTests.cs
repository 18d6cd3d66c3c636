using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Text;
using Xunit;

namespace ControlNet.Native.Tests.Text;

/// <summary>How prompts are laid out in chunks of 75 tokens and weighted.</summary>
public sealed class PromptChunkerTests
{
    private const int Vocabulary = 2000;

    private static readonly ClipTokenizer s_tokenizer =
        ClipTokenizer.FromFolder(Repository.Golden("models", "sd1-tiny", "tokenizer"));

    private static readonly TextualInversions s_none = TextualInversions.None(Vocabulary);

    private static readonly int s_cat = Assert.Single(s_tokenizer.Encode("a"));
    private static readonly int s_comma = Assert.Single(s_tokenizer.Encode(","));

    private static string A(int count) => string.Concat(Enumerable.Repeat("a ", count));

    private static List<PromptChunk> Chunk(
        string prompt, int backtrack = PromptChunker.Backtrack, TextualInversions? inversions = null) =>
        PromptChunker.Chunk(s_tokenizer, inversions ?? s_none, PromptAttention.Parse(prompt), backtrack);

    /// <summary>Tokens of each chunk between begin and end.</summary>
    private static int[] Lengths(IEnumerable<PromptChunk> chunks) =>
        [.. chunks.Select(chunk => Array.IndexOf(chunk.Ids, s_tokenizer.EosId) - 1)];

    [Theory]
    [InlineData("")]
    [InlineData("a red cat, in: the castle")]
    [InlineData("<|endoftext|> a")]
    public void A_short_prompt_is_framed_as_ever(string prompt)
    {
        PromptChunk chunk = Assert.Single(Chunk(prompt));
        Assert.Equal(s_tokenizer.EncodePrompt(prompt), chunk.Ids);
        Assert.Null(chunk.Weights);
    }

    [Theory]
    [InlineData(75, 1)]
    [InlineData(76, 2)]
    [InlineData(151, 3)]
    public void A_long_one_without_commas_is_cut_at_every_75(int tokens, int chunks)
    {
        Assert.Equal(s_tokenizer.EncodeChunks(A(tokens)), Chunk(A(tokens)).SelectMany(chunk => chunk.Ids));
        Assert.Equal(chunks, Chunk(A(tokens)).Count);
    }

    [Theory]
    [InlineData(60, 20, 20, 61)]
    [InlineData(55, 30, 20, 56)]
    [InlineData(54, 30, 20, 75)]
    [InlineData(60, 20, 0, 75)]
    [InlineData(74, 5, 20, 75)]
    public void Where_a_chunk_is_full_what_is_behind_the_last_comma_moves_on(
        int before, int behind, int backtrack, int first)
    {
        List<PromptChunk> chunks = Chunk($"{A(before)}, {A(behind)}", backtrack);
        Assert.Equal([first, before + 1 + behind - first], Lengths(chunks));
        int[] tokens = [.. chunks.SelectMany(chunk => chunk.Ids[1..(1 + Lengths([chunk])[0])])];
        Assert.Equal(
            [.. Enumerable.Repeat(s_cat, before), s_comma, .. Enumerable.Repeat(s_cat, behind)], tokens);
    }

    [Fact]
    public void A_break_ends_a_chunk_and_an_empty_one_counts()
    {
        Assert.Equal([1, 2], Lengths(Chunk("a BREAK a a")));
        Assert.Equal([1, 0, 1], Lengths(Chunk("a BREAK BREAK a")));
        Assert.Equal([1], Lengths(Chunk("a BREAK")));
        Assert.Equal([0, 1], Lengths(Chunk("BREAK a")));
        Assert.Equal(s_tokenizer.EncodePrompt("a"), Chunk("BREAK a")[1].Ids);
    }

    [Fact]
    public void Weights_are_those_of_tokens_and_padding_has_none()
    {
        PromptChunk chunk = Assert.Single(Chunk("a (a a:1.5) a"));
        Assert.Equal(s_tokenizer.EncodePrompt("a a a a"), chunk.Ids);
        Assert.Equal([1, 1, 1.5f, 1.5f, 1, .. Enumerable.Repeat(1f, 72)], chunk.Weights!);

        // Each chunk by itself: the second one has none.
        List<PromptChunk> two = Chunk($"({A(75)}:0.5) a");
        Assert.Equal([true, false], two.Select(one => one.Weights is not null));
    }

    [Fact]
    public void Weighing_keeps_the_mean()
    {
        float[] states = [1, 2, 3, 4, 5, 6];
        PromptChunk.Weigh(states, [1, 2, 0.5f]);
        float[] weighted = [1, 2, 6, 8, 2.5f, 3];
        float restore = 21 / 22.5f;
        Assert.Equal(weighted.Select(value => value * restore), states, (one, other) => Math.Abs(one - other) < 1e-6);
    }

    [Fact]
    public void Where_means_cancel_the_weights_alone_act()
    {
        float[] states = [1, 1, -1, -0.999f];
        PromptChunk.Weigh(states, [1, 1.5f]);
        Assert.Equal([1, 1, -1.5f, -0.999f * 1.5f], states);
        float[] nothing = new float[4];
        PromptChunk.Weigh(nothing, [1, 2]);
        Assert.Equal(new float[4], nothing);
    }

    [Fact]
    public void A_word_that_was_added_stands_for_its_rows()
    {
        TextualInversions inversions = s_none.With(new("style", new float[6], 3)).With(new("<x-1>", new float[2], 1));
        Assert.Equal(
            [s_tokenizer.BosId, s_cat, Vocabulary, Vocabulary + 1, Vocabulary + 2, s_comma, Vocabulary + 3, s_cat],
            Chunk("a Style, <X-1>a", inversions: inversions)[0].Ids[..8]);
        Assert.Equal(
            s_tokenizer.EncodePrompt("styles my_style style2"),
            Chunk("styles my_style style2", inversions: inversions)[0].Ids);
        Assert.Equal(
            s_tokenizer.EncodePrompt("a style, <x-1>a"),
            Chunk("a style, <x-1>a", inversions: inversions.Without("STYLE").Without("<x-1>"))[0].Ids);

        // Weighted as a whole, and never cut in two.
        Assert.Equal([1, 1.3f, 1.3f, 1.3f, 1], Chunk("(style:1.3)", inversions: inversions)[0].Weights![..5]);
        Assert.Equal([73, 3], Lengths(Chunk($"{A(73)} style", inversions: inversions)));
    }

    [Fact]
    public void The_longer_of_two_names_is_meant()
    {
        TextualInversions inversions = s_none.With(new("bad", new float[2], 1)).With(new("bad-hands", new float[2], 1));
        Assert.Equal([Vocabulary + 1, Vocabulary], Chunk("bad-hands bad", inversions: inversions)[0].Ids[1..3]);
    }
}
