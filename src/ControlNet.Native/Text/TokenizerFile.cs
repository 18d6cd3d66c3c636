using System;
using System.IO;
using System.IO.Compression;
using System.Text;
using System.Text.Json;

namespace ControlNet.Native.Text;

/// <summary>Reads the text files of a tokenizer whole, within a size that no real one reaches.</summary>
internal static class TokenizerFile
{
    /// <summary>
    /// Thirty times the largest real file, CLIP's vocabulary of 1.1 MB; also the limit after unpacking.
    /// </summary>
    public const int LargestBytes = 32 << 20;

    private static readonly UTF8Encoding s_strictUtf8 =
        new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The text of a UTF-8 file; one that begins as a gzip stream is unpacked.</summary>
    /// <exception cref="TokenizerException">The file is missing, unreadable, too large or no such text.</exception>
    public static string ReadText(string path)
    {
        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            bool packed = file.ReadByte() == 0x1F && file.ReadByte() == 0x8B;
            file.Position = 0;
            using Stream content = packed ? new GZipStream(file, CompressionMode.Decompress) : file;
            string text = s_strictUtf8.GetString(ReadBounded(path, content)).TrimStart('\uFEFF');
            RefuseOtherKinds(path, text);
            return text;
        }
        catch (DecoderFallbackException e)
        {
            throw TokenizerException.InFile(path, $"byte {e.Index} is not UTF-8; download the file again", e);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or ArgumentException)
        {
            throw TokenizerException.InFile(
                path, "the file does not exist; give the tokenizer folder or the vocabulary file of the model", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw TokenizerException.InFile(path, "the file cannot be read; check its permissions and the disk", e);
        }
        catch (InvalidDataException e)
        {
            throw TokenizerException.InFile(path, "the gzip stream is damaged; download the file again", e);
        }
    }

    /// <summary>Parses a JSON file; its root must be an object.</summary>
    /// <exception cref="TokenizerException">See <see cref="ReadText"/>; or the text is not a JSON object.</exception>
    public static JsonDocument ReadJson(string path)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(ReadText(path));
        }
        catch (JsonException e)
        {
            throw TokenizerException.InLine(
                path, (e.LineNumber ?? 0) + 1, "the text is not JSON; download the file again", e);
        }

        if (document.RootElement.ValueKind == JsonValueKind.Object)
        {
            return document;
        }

        JsonValueKind kind = document.RootElement.ValueKind;
        document.Dispose();
        throw TokenizerException.InFile(path, $"the root is a JSON {kind}, not an object; download the file again");
    }

    private static byte[] ReadBounded(string path, Stream content)
    {
        using MemoryStream bytes = new();
        byte[] block = new byte[1 << 16];
        for (int read = content.Read(block); read > 0; read = content.Read(block))
        {
            if (bytes.Length + read > LargestBytes)
            {
                throw TokenizerException.InFile(
                    path, $"more than {LargestBytes} bytes of text; this is not a tokenizer file, check the path");
            }

            bytes.Write(block, 0, read);
        }

        return bytes.ToArray();
    }

    private static void RefuseOtherKinds(string path, string text)
    {
        if (text.StartsWith("version https://git-lfs", StringComparison.Ordinal))
        {
            throw TokenizerException.InFile(path, "this is a git-lfs pointer, not the file; run 'git lfs pull'");
        }

        if (text.AsSpan().TrimStart().StartsWith("<!doctype", StringComparison.OrdinalIgnoreCase) ||
            text.AsSpan().TrimStart().StartsWith("<html", StringComparison.OrdinalIgnoreCase))
        {
            throw TokenizerException.InFile(path, "this is a web page, not the file; use its raw download link");
        }
    }
}
