using System;
using System.IO;
using System.IO.Compression;
using System.Text;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Text;
using Xunit;

namespace ControlNet.Native.Tests.Text;

public sealed class TokenizerRefusalTests : IDisposable
{
    private static readonly string[] s_names =
        ["vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"];

    private readonly TemporaryFolder _folder = new();

    public TokenizerRefusalTests()
    {
        foreach (string name in s_names)
        {
            _folder.Write(name, File.ReadAllBytes(Repository.Golden("models", "sd1-tiny", "tokenizer", name)));
        }
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(
        "merges.txt", "#version: 0.2\nt h e\n",
        "line 2: expected two symbols with a space between, found 't h e'; download the file again")]
    [InlineData(
        "merges.txt", "#version: 0.2\n\nth\n",
        "line 3: expected two symbols with a space between, found 'th'; download the file again")]
    [InlineData(
        "merges.txt", "t h\nq \u0001\n",
        "line 2: the symbol '\\u0001' is not in the vocabulary; vocab.json and merges.txt must " +
        "come from the same model")]
    [InlineData(
        "merges.txt", "t h\nt h\n",
        "line 2: the pair 't h' is listed twice; download the file again")]
    [InlineData(
        "merges.txt", "version https://git-lfs.github.com/spec/v1\n",
        "this is a git-lfs pointer, not the file; run 'git lfs pull'")]
    [InlineData(
        "merges.txt", "\n<!DOCTYPE html><p>",
        "this is a web page, not the file; use its raw download link")]
    [InlineData("vocab.json", "{\n\"a\": 1,\n", "line 3: the text is not JSON; download the file again")]
    [InlineData("vocab.json", "[1]", "the root is a JSON Array, not an object; download the file again")]
    [InlineData(
        "vocab.json", "{\"a\": 1.5}",
        "the id of 'a' is not an integer from 0 to 1000000; download the file again")]
    [InlineData(
        "vocab.json", "{\"a\": -1}",
        "the id of 'a' is not an integer from 0 to 1000000; download the file again")]
    [InlineData(
        "vocab.json", "{\"a\": 1, \"b\": 1}",
        "'b' repeats a symbol or its id 1; download the file again")]
    [InlineData(
        "vocab.json", "{\"a\": 1, \"a\": 2}",
        "'a' repeats a symbol or its id 2; download the file again")]
    [InlineData("vocab.json", "{\"\\ud800\": 1}", "a symbol is a lone surrogate; download the file again")]
    [InlineData(
        "vocab.json", "{}",
        "the symbol 'Ā' of byte 0 is missing; this is not a CLIP vocabulary, or it is incomplete: " +
        "use the one of the model")]
    [InlineData(
        "tokenizer_config.json", "{\"model_max_length\": 2}",
        "'model_max_length' is not an integer of at least 3; Stable Diffusion uses 77")]
    [InlineData(
        "tokenizer_config.json", "{\"model_max_length\": 77.5}",
        "'model_max_length' is not an integer of at least 3; Stable Diffusion uses 77")]
    [InlineData(
        "tokenizer_config.json", "{\"pad_token\": 3}",
        "'pad_token' is neither a text nor an object with 'content'; download the file again")]
    [InlineData(
        "special_tokens_map.json", "{\"bos_token\": \"\"}",
        "'bos_token' is neither a text nor an object with 'content'; download the file again")]
    [InlineData(
        "special_tokens_map.json", "{\"bos_token\": \"\\ud800\"}",
        "'bos_token' is a lone surrogate; download the file again")]
    public void A_damaged_file_is_named_with_its_place(string name, string text, string problem)
    {
        string path = _folder.Write(name, text);

        Assert.Equal($"{path}: {problem}", Refused(_folder.Path).Message);
    }

    [Fact]
    public void An_unknown_special_token_is_named()
    {
        _folder.Write("special_tokens_map.json", "{\"pad_token\": {\"content\": \"<pad>\"}}");

        Assert.Equal(
            $"{Path.Combine(_folder.Path, "vocab.json")}: the special token '<pad>' is not in the vocabulary; " +
            "all files of the folder must come from the same model",
            Refused(_folder.Path).Message);
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        File.Delete(Path.Combine(_folder.Path, "merges.txt"));
        string absent = Path.Combine(_folder.Path, "absent.txt");

        foreach ((string path, string named) in new[]
        {
            (_folder.Path, Path.Combine(_folder.Path, "merges.txt")),
            (absent, absent),
        })
        {
            Assert.Equal(
                $"{named}: the file does not exist; give the tokenizer folder or the vocabulary file of the model",
                Refused(path).Message);
        }
    }

    [Fact]
    public void Text_that_is_not_utf8_is_refused()
    {
        string path = _folder.Write("merges.txt", [.. "t h\n"u8, 0xFF, (byte)'\n']);

        Assert.Equal($"{path}: byte 4 is not UTF-8; download the file again", Refused(_folder.Path).Message);
    }

    [Fact]
    public void A_short_merge_list_is_refused()
    {
        string path = _folder.Write("bpe.txt", ClipTokenizerTests.MergeList(48_893));

        Assert.Equal($"{path}: the file has 48893 merges, CLIP needs 48894; download it again", Refused(path).Message);
    }

    [Fact]
    public void A_damaged_gzip_stream_is_refused()
    {
        byte[] packed = Pack(Encoding.UTF8.GetBytes(ClipTokenizerTests.MergeList(48_894)));
        packed[packed.Length / 2] ^= 0x55;

        // Where the damage shows depends on the stream: in its structure, its checksum or its text.
        Assert.EndsWith(
            "download the file again",
            Refused(_folder.Write("bpe.gz", packed)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_gzip_bomb_is_refused_early()
    {
        string path = _folder.Write("bomb.gz", Pack(new byte[64 << 20]));

        Assert.Equal(
            $"{path}: more than 33554432 bytes of text; this is not a tokenizer file, check the path",
            Refused(path).Message);
    }

    [Fact]
    public void Padding_follows_the_map_before_the_configuration()
    {
        _folder.Write("tokenizer_config.json", "{\"pad_token\": \"<|endoftext|>\", \"model_max_length\": 1e30}");
        _folder.Write("special_tokens_map.json", "{\"pad_token\": \"!\"}");
        ClipTokenizer tokenizer = ClipTokenizer.FromFolder(_folder.Path);

        Assert.Equal((0, 77), (tokenizer.PadId, tokenizer.MaxLength));
    }

    [Fact]
    public void Configuration_files_are_optional()
    {
        File.Delete(Path.Combine(_folder.Path, "tokenizer_config.json"));
        File.Delete(Path.Combine(_folder.Path, "special_tokens_map.json"));
        ClipTokenizer tokenizer = ClipTokenizer.FromFolder(_folder.Path);

        Assert.Equal((832, 833, 833, 77), (tokenizer.BosId, tokenizer.EosId, tokenizer.PadId, tokenizer.MaxLength));
    }

    /// <summary>Random changes of bytes: a folder loads, or is refused by the typed exception.</summary>
    [Fact]
    public void Mutated_files_never_raise_anything_else()
    {
        Random random = new(20240601);
        int refused = 0;
        for (int round = 0; round < 1500; round++)
        {
            string name = s_names[random.Next(s_names.Length)];
            byte[] original = File.ReadAllBytes(Path.Combine(_folder.Path, name));
            _folder.Write(name, Mutate(original, random));
            try
            {
                _ = ClipTokenizer.FromFolder(_folder.Path).EncodePrompt("a lighthouse, 1987!");
            }
            catch (EngineException e)
            {
                refused++;
                Assert.IsType<TokenizerException>(e);
                Assert.InRange(e.Message.Length, 1, 1024);
                Assert.DoesNotContain(e.Message, char.IsControl);
            }

            _folder.Write(name, original);
        }

        Assert.InRange(refused, 500, 1500);
    }

    private static byte[] Mutate(byte[] original, Random random)
    {
        byte[] pieces = [.. "{}[]\":,\\u0d \n"u8, 0x00, 0x80, 0xC3, 0xED, 0xFF];
        byte[] mutated = (byte[])original.Clone();
        for (int change = random.Next(1, 4); change > 0 && mutated.Length > 1; change--)
        {
            int at = random.Next(mutated.Length);
            byte piece = pieces[random.Next(pieces.Length)];
            mutated = random.Next(4) switch
            {
                0 => [.. mutated[..at], piece, .. mutated[at..]],
                1 => [.. mutated[..at], .. mutated[(at + 1)..]],
                2 => mutated[..at],
                _ => [.. mutated[..at], piece, .. mutated[(at + 1)..]],
            };
        }

        return mutated;
    }

    private static byte[] Pack(byte[] bytes)
    {
        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            gzip.Write(bytes);
        }

        return packed.ToArray();
    }

    private static TokenizerException Refused(string path) =>
        Assert.Throws<TokenizerException>(() => ClipTokenizer.Load(path));
}
