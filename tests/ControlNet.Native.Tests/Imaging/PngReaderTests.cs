using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using ControlNet.Native.Imaging;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Imaging;

public sealed class PngReaderTests
{
    /// <summary>File, and the message it must be refused with.</summary>
    public static TheoryData<byte[], string> Refusals => new()
    {
        { [], "x.png: is an empty file; only PNG is read, convert the picture or fetch it again" },
        {
            [0x89, (byte)'P'],
            "x.png: is a PNG cut off after 2 bytes; only PNG is read, convert the picture or fetch it again"
        },
        {
            [0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3, 4],
            "x.png: is a JPEG; only PNG is read, convert the picture or fetch it again"
        },
        {
            Encoding.ASCII.GetBytes("version https://git-lfs.github.com/spec/v1\n"),
            "x.png: is a git-lfs pointer, not the picture itself; only PNG is read, convert the picture or fetch " +
            "it again"
        },
        {
            Encoding.ASCII.GetBytes("<!DOCTYPE html><html>"),
            "x.png: is a web page or SVG; only PNG is read, convert the picture or fetch it again"
        },
        {
            PngBytes.File(PngBytes.Header(8193, 8192)),
            "x.png: declares 8193 x 8192 pixels; both must be at least 1 and the product at most 67108864, " +
            "scale the picture down"
        },
        {
            PngBytes.File(PngBytes.Header(2, 1, depth: 4)),
            "x.png: has colour type 2 with bit depth 4, which PNG does not define; the file is damaged"
        },
        {
            PngBytes.File(PngBytes.Header(8192, 8192), PngBytes.Chunk("IDAT", 0x78, 0x9C), PngBytes.Chunk("IEND")),
            "x.png: 8192 x 8192 pixels cannot be in 2 bytes of compressed data; the file is truncated or damaged, " +
            "copy it again"
        },
        {
            OfData(0, 1, 2),
            "x.png: its compressed data holds 3 bytes, the picture needs 7; the file is truncated or damaged, " +
            "copy it again"
        },
        {
            OfData(0, 1, 2, 3, 4, 5, 6, 7),
            "x.png: its compressed data holds more than the 7 bytes of the picture; the file is damaged"
        },
        {
            OfData(9, 1, 2, 3, 4, 5, 6),
            "x.png: row 0 uses filter 9, PNG defines 0 to 4; the file is damaged, copy it again"
        },
        {
            PngBytes.Small(PngBytes.Chunk("ABCD", 1)),
            "x.png: chunk ABCD at byte 33 is critical and unknown; save the picture again as a standard PNG"
        },
        {
            PngBytes.File(PngBytes.Chunk("CgBI", 0, 0, 0, 0)),
            "x.png: chunk CgBI at byte 8 is first instead of IHDR, Apple's own variant; save the picture again as a " +
            "standard PNG"
        },
        {
            PngBytes.Small(PngBytes.Chunk("a\u0007[d", 1)),
            "x.png: a chunk at byte 33 has the illegal type a<07><5b>d; the file is damaged"
        },
        {
            PngBytes.File(
                PngBytes.Header(2, 1, color: 3), PngBytes.Chunk("PLTE", 1, 2, 3),
                PngBytes.Chunk("IDAT", PngBytes.Zlib(0, 0, 1)), PngBytes.Chunk("IEND")),
            "x.png: a pixel has colour 1 of a palette of 1; the file is damaged, save it again"
        },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void Says_what_is_wrong_and_what_to_do(byte[] file, string message) =>
        Assert.Equal(message, Assert.Throws<ImageFormatException>(() => RgbImage.Decode(file, "x.png")).Message);

    [Fact]
    public void An_ancillary_chunk_over_the_limit_is_refused() => // not a theory: the runner would write its bytes out
        Assert.Equal(
            "x.png: chunk iCCP at byte 33 has 8388609 bytes, more than the limit of 8388608; save the picture " +
            "without its metadata",
            Assert.Throws<ImageFormatException>(
                () => RgbImage.Decode(
                    PngBytes.Small(PngBytes.Chunk("iCCP", new byte[(8 << 20) + 1])), "x.png")).Message);

    [Fact]
    public void An_ancillary_chunk_of_the_limit_is_skipped() =>
        Assert.Equal(
            [1, 2, 3, 4, 5, 6],
            RgbImage.Decode(PngBytes.Small(PngBytes.Chunk("iCCP", new byte[8 << 20])), "x.png").Pixels.ToArray());

    [Fact]
    public void Messages_are_short_and_printable_whatever_the_name()
    {
        string name = new string('x', 5000) + "\u001b[2J\n\u202e.png";

        string message = Assert.Throws<ImageFormatException>(() => RgbImage.Decode([1], name)).Message;

        Assert.True(message.Length < 1024);
        Assert.Contains("\\u001b[2J\\u000a\\u202e.png: is not a PNG", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_sound_stream_without_its_checksum_is_refused()
    {
        byte[] zlib = PngBytes.Zlib(0, 1, 2, 3, 4, 5, 6);
        for (int cut = 1; cut <= zlib.Length; cut++)
        {
            byte[] file = PngBytes.File(
                PngBytes.Header(2, 1), PngBytes.Chunk("IDAT", zlib[..^cut]), PngBytes.Chunk("IEND"));

            Assert.Throws<ImageFormatException>(() => RgbImage.Decode(file, "x.png"));
        }
    }

    [Fact]
    public void A_compressed_picture_far_larger_than_its_data_takes_memory_only_as_data_arrives()
    {
        // 4 MB of zeros in 4 kB, where the header promises 60 times as much but still within what deflate could reach.
        byte[] zlib = [.. PngBytes.Zlib(new byte[4 << 20]), .. new byte[252 << 10]];
        byte[] file = PngBytes.File(PngBytes.Header(8000, 8000), PngBytes.Chunk("IDAT", zlib), PngBytes.Chunk("IEND"));
        long before = GC.GetAllocatedBytesForCurrentThread();

        Assert.Throws<ImageFormatException>(() => RgbImage.Decode(file, "x.png"));

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 20 << 20);
    }

    [Fact]
    public void Cutting_a_file_anywhere_leads_to_the_documented_exception_only()
    {
        foreach (string name in new[] { "text_all", "trns_palette_full_adam7", "filter4_rgba16_adam7" })
        {
            byte[] file = File.ReadAllBytes(Repository.Golden("png", "valid", name + ".png"));
            for (int length = 0; length < file.Length; length++)
            {
                Assert.Throws<ImageFormatException>(() => RgbImage.Decode(file.AsSpan(0, length), "cut.png"));
            }
        }
    }

    /// <summary>Half of the mutants get right checks again, or the CRC would hide everything behind it.</summary>
    [Fact]
    public void Mutants_lead_to_a_picture_or_the_documented_exception()
    {
        Random random = new(20240601);
        byte[][] seeds = [.. Directory.GetFiles(Repository.Golden("png", "valid")).Order(StringComparer.Ordinal)
            .Select(File.ReadAllBytes).Where(file => file.Length < 4096)];
        int pictures = 0;
        for (int turn = 0; turn < 6000; turn++)
        {
            byte[] mutant = Mutate(random, seeds[turn % seeds.Length]);
            try
            {
                PngImage image = PngImage.Decode(mutant, "mutant.png");
                Assert.Equal(image.Width * image.Height * 3, image.ToRgb().Pixels.Length);
                pictures++;
            }
            catch (ImageFormatException e)
            {
                Assert.StartsWith("mutant.png: ", e.Message, StringComparison.Ordinal);
                Assert.True(e.Message.Length < 1024);
            }
        }

        Assert.InRange(pictures, 100, 5900);
    }

    /// <summary>A picture of 2 x 1 RGB pixels, whose data should be a filter byte and six samples.</summary>
    private static byte[] OfData(params byte[] scanlines) => PngBytes.File(
        PngBytes.Header(2, 1), PngBytes.Chunk("IDAT", PngBytes.Zlib(scanlines)), PngBytes.Chunk("IEND"));

    private static byte[] Mutate(Random random, byte[] seed)
    {
        List<byte> bytes = [.. seed];
        for (int change = random.Next(1, 4); change > 0; change--)
        {
            int at = random.Next(8, bytes.Count);
            switch (random.Next(5))
            {
                case 0:
                    bytes.RemoveRange(at, Math.Min(random.Next(1, 9), bytes.Count - at));
                    break;
                case 1:
                    bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(1, 40), bytes.Count - at)));
                    break;
                case 2:
                    bytes[at] = (byte)random.Next(256);
                    break;
                default:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
            }

            if (bytes.Count <= 9)
            {
                break;
            }
        }

        byte[] mutant = [.. bytes];
        if (random.Next(2) == 0)
        {
            PngBytes.Repair(mutant);
        }

        return mutant;
    }
}
