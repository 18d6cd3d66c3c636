using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.IO.Compression;
using System.Linq;
using System.Text;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Weights;
using Xunit;

namespace ControlNet.Native.Tests.WeightTests;

public sealed class SafeTensorsFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static byte[] Sample(int seed = 1)
    {
        byte[] Bytes(int count)
        {
            byte[] bytes = new byte[count];
            new Random(seed).NextBytes(bytes);
            return bytes;
        }

        SafeTensorsItem[] items =
        [
            new("narrow", "F16", [3, 1, 2], () => Bytes(12)), new("brain", "BF16", [5], () => Bytes(10)),
            new("wide", "F32", [2, 2], () => Bytes(16)), new("ids", "I64", [1, 2], () => Bytes(16)),
            new("none", "F32", [0, 4], () => Bytes(0)), new("scalar \"é\"", "F32", [], () => Bytes(4)),
        ];
        using MemoryStream stream = new();
        SafeTensorsWriter.Write(stream, items, new Dictionary<string, string> { ["format"] = "pt", ["ü"] = "\n" });
        return stream.ToArray();
    }

    [Fact]
    public void Writes_what_it_reads_from_memory_stream_pipe_and_path()
    {
        byte[] file = Sample();
        string path = Path.Combine(_folder, "a.safetensors");
        File.WriteAllBytes(path, file);
        using MemoryStream compressed = new();
        using (GZipStream zip = new(compressed, CompressionMode.Compress, leaveOpen: true))
        {
            zip.Write(file);
        }

        compressed.Position = 0;
        MemoryStream shifted = new([9, 9, 9, .. file]) { Position = 3 };
        SafeTensorsFile[] opened =
        [
            SafeTensorsFile.Open(file), SafeTensorsFile.Open(path), SafeTensorsFile.Open(shifted),
            SafeTensorsFile.Open(new GZipStream(compressed, CompressionMode.Decompress)),
        ];
        foreach (SafeTensorsFile each in opened)
        {
            using MemoryStream again = new();
            SafeTensorsWriter.Write(
                again,
                each.Entries.Values.Select(
                    e => new SafeTensorsItem(e.Name, e.DType, e.Shape, () => each.ReadAll(e.Name))),
                each.Metadata);
            Assert.Equal(file, again.ToArray());
            byte[] part = new byte[5];
            each.Read("narrow", 3, part);
            Assert.Equal(each.ReadAll("narrow")[3..8], part);
            each.Dispose();
        }
    }

    [Fact]
    public void Header_is_padded_and_tensors_are_ordered_as_the_reference_does()
    {
        byte[] file = Sample();
        long headerBytes = BinaryPrimitives.ReadInt64LittleEndian(file);
        Assert.Equal(0, headerBytes % 8);
        using SafeTensorsFile opened = SafeTensorsFile.Open(file);
        Assert.Equal(
            ["ids", "none", "scalar \"é\"", "wide", "brain", "narrow"],
            opened.Entries.Values.OrderBy(e => (e.Begin, e.End)).Select(e => e.Name));
        Assert.Equal("\n", opened.Metadata["ü"]);
    }

    [Fact]
    public void A_file_cut_anywhere_is_refused()
    {
        byte[] file = Sample();
        for (int length = 0; length < file.Length; length++)
        {
            SafeTensorsException e = Assert.Throws<SafeTensorsException>(
                () => SafeTensorsFile.Open(file.AsMemory(0, length)));
            Assert.DoesNotContain("text file", e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Random_damage_is_refused_or_read_within_bounds()
    {
        Random random = new(20240601);
        string[] words =
        [
            "4294967296", "-1", "\"F64\"", "[]", "{", "}", "1e9", "9223372036854775807", "data_offsets", "\\ud800",
        ];
        byte[][] seeds =
        [
            Sample(), .. Directory.GetFiles(Repository.Golden("safetensors", "files")).Select(File.ReadAllBytes)
                .Where(bytes => bytes.Length is > 8 and < 4096),
        ];
        int accepted = 0;
        for (int i = 0; i < 30_000; i++)
        {
            byte[] bytes = Mutate(seeds[random.Next(seeds.Length)], random, words);
            try
            {
                using SafeTensorsFile file = SafeTensorsFile.Open(bytes);
                accepted++;
                Assert.True(file.Entries.Values.Sum(e => e.ByteCount) <= bytes.Length);
                foreach (string name in file.Entries.Keys)
                {
                    _ = file.ReadAll(name);
                }
            }
            catch (SafeTensorsException e)
            {
                Assert.InRange(e.Message.Length, 10, 1024);
                Assert.DoesNotContain(e.Message, char.IsControl);
            }
        }

        Assert.InRange(accepted, 100, 29_900);
    }

    private static byte[] Mutate(byte[] seed, Random random, string[] words)
    {
        List<byte> bytes = [.. seed];
        for (int change = random.Next(1, 4); change > 0; change--)
        {
            int at = random.Next(bytes.Count);
            switch (random.Next(5))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    bytes.InsertRange(at, Encoding.ASCII.GetBytes(words[random.Next(words.Length)]));
                    break;
                case 3:
                    bytes.RemoveRange(at, Math.Min(bytes.Count - at, random.Next(1, 9)));
                    break;
                default:
                    bytes.AddRange(bytes[at..]);
                    break;
            }

            if (bytes.Count < 9)
            {
                break;
            }
        }

        return [.. bytes];
    }

    [Theory]
    [InlineData(
        "bad_other_lfs_pointer",
        "this is a git-lfs pointer, not the file it points to; run 'git lfs pull' or download the file itself")]
    [InlineData(
        "bad_other_html",
        "this is an HTML page, not a model; the download was answered by a web page, download the file again")]
    [InlineData(
        "bad_other_pickle",
        "this is a Python pickle (.ckpt); pickles can run code and are never read, convert it to safetensors")]
    [InlineData("bad_other_zip_pt", "this is a zip archive (a PyTorch .pt or .ckpt file); convert it to safetensors")]
    [InlineData("bad_other_gguf", "this is a GGUF file; use the safetensors file it was made from")]
    [InlineData("bad_other_index_json", "this is a JSON file, not a model; open the safetensors file it describes")]
    public void Files_of_other_formats_are_named(string name, string message)
    {
        string path = Repository.Golden("safetensors", "files", $"{name}.safetensors");
        SafeTensorsException e = Assert.Throws<SafeTensorsException>(() => SafeTensorsFile.Open(path));
        Assert.EndsWith(message, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_text_file_is_named_and_a_short_truncation_is_not_taken_for_a_pickle()
    {
        byte[] text = Encoding.UTF8.GetBytes("masterpiece, best quality\n第二行");
        Assert.Equal(
            "a.txt: this is a text file, not a model",
            Assert.Throws<SafeTensorsException>(() => SafeTensorsFile.Open(text, "a.txt")).Message);
        Assert.Equal(
            "x: the header claims 640 bytes but only 4 follow the length field; the file is truncated, download it " +
            "again",
            Assert.Throws<SafeTensorsException>(
                () => SafeTensorsFile.Open(new byte[] { 0x80, 2, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1 }, "x")).Message);
    }

    [Fact]
    public void Missing_files_and_folders_are_typed_errors()
    {
        Assert.EndsWith(
            "this is a folder, a file is wanted here",
            Assert.Throws<SafeTensorsException>(() => SafeTensorsFile.Open(_folder)).Message, StringComparison.Ordinal);
        Assert.Contains(
            "cannot be opened",
            Assert.Throws<SafeTensorsException>(() => SafeTensorsFile.Open(Path.Combine(_folder, "no"))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_cut_or_rewritten_while_open_is_a_typed_error()
    {
        string path = Path.Combine(_folder, "a.safetensors");
        File.WriteAllBytes(path, Sample());
        using (SafeTensorsFile file = SafeTensorsFile.Open(path))
        {
            using (FileStream other = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            {
                other.SetLength(100);
            }

            SafeTensorsException e = Assert.Throws<SafeTensorsException>(() => file.ReadAll("narrow"));
            Assert.Contains("it was cut short or replaced meanwhile", e.Message, StringComparison.Ordinal);
        }

        File.WriteAllBytes(path, Sample());
        File.SetLastWriteTimeUtc(path, new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        using SafeTensorsFile second = SafeTensorsFile.Open(path);
        File.WriteAllBytes(path, Sample(seed: 2));
        Assert.Throws<SafeTensorsException>(() => second.ReadAll("narrow"));
    }

    [Fact]
    public void Reading_beyond_a_tensor_is_refused()
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(Sample());
        Assert.Equal(
            "memory: tensor 'wide' has 16 bytes, 8 were asked for from byte 9",
            Assert.Throws<SafeTensorsException>(() => file.Read("wide", 9, new byte[8])).Message);
        Assert.Throws<SafeTensorsException>(() => file.Read("wide", -1, new byte[1]));
        Assert.Throws<SafeTensorsException>(() => file.Read("nothing", 0, new byte[1]));
    }

    [Fact]
    public void A_failed_write_keeps_the_old_file_and_leaves_nothing_beside_it()
    {
        string path = Path.Combine(_folder, "a.safetensors");
        SafeTensorsWriter.Write(path, [new SafeTensorsItem("a", "F32", [1], () => new byte[4])]);
        byte[] before = File.ReadAllBytes(path);
        SafeTensorsException e = Assert.Throws<SafeTensorsException>(() => SafeTensorsWriter.Write(
            path, [new SafeTensorsItem("a", "F32", [2], () => new byte[4])]));
        Assert.Equal("tensor 'a' F32 [2] needs 8 bytes, its item gave 4", e.Message);
        Assert.Throws<InvalidTimeZoneException>(() => SafeTensorsWriter.Write(
            path, [new SafeTensorsItem("a", "F32", [2], () => throw new InvalidTimeZoneException())]));
        Assert.Equal(before, File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFiles(_folder));
        Assert.Throws<SafeTensorsException>(() => SafeTensorsWriter.Write(
            Path.Combine(_folder, "no", "such", "folder"), [new SafeTensorsItem("a", "F32", [1], () => new byte[4])]));
    }

    [Fact]
    public void A_header_at_the_limit_of_100_MB_is_read_and_one_byte_more_is_refused()
    {
        byte[] file = new byte[8 + SafeTensorsHeader.MaxHeaderBytes];
        BinaryPrimitives.WriteInt64LittleEndian(file, SafeTensorsHeader.MaxHeaderBytes);
        file.AsSpan(8).Fill((byte)' ');
        "{}"u8.CopyTo(file.AsSpan(8));
        using SafeTensorsFile opened = SafeTensorsFile.Open(file);
        Assert.Empty(opened.Entries);
        BinaryPrimitives.WriteInt64LittleEndian(file, SafeTensorsHeader.MaxHeaderBytes + 1);
        Assert.Throws<SafeTensorsException>(() => SafeTensorsFile.Open(file));
    }
}
