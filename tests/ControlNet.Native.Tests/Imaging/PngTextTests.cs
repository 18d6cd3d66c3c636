using System;
using System.IO;
using System.Linq;
using System.Text;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Imaging;

public sealed class PngTextTests
{
    private static readonly RgbImage s_pixel = new(1, 1, [7, 8, 9]);

    [Theory]
    [InlineData("a cat\nSteps: 20, Seed: 42", "tEXt")]
    [InlineData("", "tEXt")]
    [InlineData("Stra\u00dfe, caf\u00e9, \u00ff", "tEXt")]
    [InlineData("\u4e00\u53ea\u732b \ud83d\ude3a, \u043a\u043e\u0442", "iTXt")]
    [InlineData("tab\tand\r\nreturn", "iTXt")]
    public void Text_comes_back_as_it_was(string text, string type)
    {
        byte[] file = s_pixel.Encode([new PngText("parameters", text), new PngText("other", "second")]);

        PngImage image = PngImage.Decode(file, "x.png");

        Assert.Equal([new PngText("parameters", text), new PngText("other", "second")], image.Text);
        Assert.Equal(type, Encoding.ASCII.GetString(file, 37, 4)); // behind the signature and IHDR
        Assert.Equal(s_pixel.Pixels.ToArray(), image.ToRgb().Pixels.ToArray());
    }

    [Fact]
    public void Text_of_another_generator_is_read()
    {
        PngImage image = PngImage.Load(Repository.Golden("png", "valid", "text_a1111.png"));

        PngText entry = Assert.Single(image.Text);
        Assert.Equal("parameters", entry.Keyword);
        Assert.Equal(
            "a cat\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 42, Size: " +
            "512x512", entry.Text);
    }

    [Fact]
    public void All_three_kinds_of_text_are_read()
    {
        PngImage image = PngImage.Load(Repository.Golden("png", "valid", "text_all.png"));

        Assert.Equal(["Title", "Comment", "Author", "Desc"], image.Text.Select(entry => entry.Keyword).Take(4));
        Assert.All(image.Text, entry => Assert.NotEmpty(entry.Text));
    }

    [Theory]
    [InlineData("text_no_separator")]
    [InlineData("text_ztxt_bad_deflate")]
    [InlineData("text_itxt_truncated_fields")]
    [InlineData("text_invalid_utf8")]
    [InlineData("bomb_ztxt")]
    [InlineData("bomb_itxt")]
    public void Damaged_or_huge_text_is_left_out_and_costs_no_picture(string name)
    {
        PngImage image = PngImage.Load(Repository.Golden("png", "hostile", name + ".png"));

        Assert.DoesNotContain(image.Text, entry => entry.Text.Length > 1000 || entry.Keyword.Length > 79);
    }

    [Fact]
    public void A_compressed_text_of_the_limit_is_read_and_one_byte_more_is_not()
    {
        foreach (int excess in new[] { 0, 1 })
        {
            byte[] chunk = PngBytes.Chunk("zTXt", [(byte)'k', 0, 0, .. PngBytes.Zlib(new byte[(1 << 20) + excess])]);

            Assert.Equal(1 - excess, PngImage.Decode(PngBytes.Small(chunk), "x.png").Text.Count);
        }
    }

    [Fact]
    public void Text_whose_check_is_wrong_is_left_out()
    {
        byte[] chunk = PngBytes.Chunk("tEXt", (byte)'k', 0, (byte)'v');
        chunk[^1] ^= 1;

        Assert.Empty(PngImage.Decode(PngBytes.Small(chunk), "x.png").Text);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" k")]
    [InlineData("k ")]
    [InlineData("a  b")]
    [InlineData("\u4e00")]
    [InlineData("12345678901234567890123456789012345678901234567890123456789012345678901234567890")]
    public void A_keyword_that_cannot_be_stored_is_refused(string keyword) =>
        Assert.Equal(
            $"PNG: the text keyword '{keyword}' is not 1 to 79 printable Latin-1 characters without spaces at" +
            " the ends or in pairs; choose another",
            Assert.Throws<ImageFormatException>(() => s_pixel.Encode([new PngText(keyword, "v")])).Message);

    [Fact]
    public void Text_with_a_nul_is_refused() =>
        Assert.Equal(
            "PNG: the text of 'k' holds a NUL character, which PNG cannot store; remove it",
            Assert.Throws<ImageFormatException>(() => s_pixel.Encode([new PngText("k", "a\0b")])).Message);

    [Fact]
    public void Half_a_surrogate_pair_is_refused() => // not a theory: runners cannot carry such a string
        Assert.Equal(
            "PNG: the text of 'k' holds half of a surrogate pair, which is no character; remove it",
            Assert.Throws<ImageFormatException>(() => s_pixel.Encode([new PngText("k", "\ud83d")])).Message);

    [Fact]
    public void Text_over_the_limit_is_refused_and_no_file_appears()
    {
        string folder = Directory.CreateTempSubdirectory("png-text-").FullName;
        string path = Path.Combine(folder, "x.png");

        Assert.Throws<ImageFormatException>(() => s_pixel.Save(path, [new PngText("k", new string('x', 8 << 20))]));

        Assert.Empty(Directory.GetFileSystemEntries(folder));
        Directory.Delete(folder);
    }
}
