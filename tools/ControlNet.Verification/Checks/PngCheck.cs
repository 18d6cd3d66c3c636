using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using ControlNet.Native.Imaging;

namespace ControlNet.Verification.Checks;

/// <summary>
/// 117 valid PNGs against their pixels and 174 hostile ones against their verdicts: <c>accept</c> (the expected
/// pixels), <c>reject</c> (<see cref="ImageFormatException"/>), <c>reject_or_correct</c> (never other pixels) and
/// <c>reject_or_any</c>. Every other exception fails whatever the verdict.
/// </summary>
public sealed class PngCheck : GoldenCheck
{
    private const string ValidList = "png/valid.json";
    private const string ValidPixels = "png/valid.safetensors";
    private const string HostileList = "png/hostile.json";
    private const string HostilePixels = "png/hostile_expected.safetensors";

    /// <summary>
    /// A palette picture with a wrong checksum. Mended, it is the sane picture that the hostile palettes were made
    /// from, whose pixels no entry of the list refers to.
    /// </summary>
    private const string Mended = "crc_plte", MendedPixels = "good_palette";

    /// <inheritdoc/>
    public override IEnumerable<string> Files(GoldenContext context) =>
        new[] { ValidList, ValidPixels, HostileList, HostilePixels }
            .Where(file => File.Exists(context.Path(file.Split('/'))));

    /// <inheritdoc/>
    public override IEnumerable<GoldenResult> Run(GoldenContext context, string file) => file switch
    {
        ValidList => RunValidList(context),
        ValidPixels => RunValidPixels(context),
        HostileList => RunVerdicts(context),
        HostilePixels => RunHostilePixels(context),
        _ => [],
    };

    /// <inheritdoc/>
    public override IEnumerable<string> NotCovered(GoldenContext context, string file) => file == HostilePixels
        ? context.Tensors(file).Names.Except(Expected(context).Select(entry => entry.Tensor)).Except([MendedPixels])
            .Select(name => $"'{name}': no entry of {HostileList} expects it")
        : [];

    /// <summary>Size and depth of the manifest against those of the decoder.</summary>
    private static IEnumerable<GoldenResult> RunValidList(GoldenContext context)
    {
        foreach (JsonElement entry in context.Json(ValidList).GetProperty("files").EnumerateArray())
        {
            (PngImage? image, string? problem) = Decode(context, entry);
            string expected =
                $"{entry.GetProperty("width")} x {entry.GetProperty("height")} of " +
                $"{entry.GetProperty("bit_depth")} bits";
            string got = image is null ? problem! : $"{image.Width} x {image.Height} of {image.BitDepth} bits";
            yield return GoldenResult.Exact(Name(entry), got == expected, $"expected {expected}, got {got}");
        }
    }

    /// <summary>RGBA of 8 bits; for files of 16 bits the rounded variant, the samples and their high bytes.</summary>
    private static IEnumerable<GoldenResult> RunValidPixels(GoldenContext context)
    {
        GoldenTensors golden = context.Tensors(ValidPixels);
        foreach (JsonElement entry in context.Json(ValidList).GetProperty("files").EnumerateArray())
        {
            string name = Name(entry);
            (PngImage? image, string? problem) = Decode(context, entry);
            if (image is null)
            {
                yield return new GoldenResult(name, 1, 0, problem);
                continue;
            }

            if (!golden.Has(name + ".rgba16"))
            {
                yield return Same(name, golden[name].Octets(), image.ToRgba8());
                continue;
            }

            ushort[] samples = image.ToRgba16();
            yield return Same(name, golden[name].Octets(), [.. samples.Select(v => (byte)(v >> 8))]);
            yield return Same(name + ".rounded", golden[name + ".rounded"].Octets(), image.ToRgba8());
            yield return Same(name + ".rgba16", golden[name + ".rgba16"].Bytes.ToArray(), LittleEndian(samples));
        }
    }

    private static IEnumerable<GoldenResult> RunVerdicts(GoldenContext context)
    {
        foreach (JsonElement entry in context.Json(HostileList).GetProperty("files").EnumerateArray())
        {
            string verdict = entry.GetProperty("verdict").GetString()!;
            (PngImage? image, string? problem) = Decode(context, entry);
            bool documented = image is not null || problem!.StartsWith("rejected", StringComparison.Ordinal);
            bool allowed = verdict switch
            {
                "accept" => image is not null,
                "reject" => image is null,
                "reject_or_correct" or "reject_or_any" => true,
                _ => false,
            };
            yield return GoldenResult.Exact(
                Name(entry), documented && allowed, $"verdict {verdict}, outcome {problem ?? "decoded"}");
        }
    }

    /// <summary>Pixels of the hostile files that decode; a rejected one has no pixels that could be wrong.</summary>
    private static IEnumerable<GoldenResult> RunHostilePixels(GoldenContext context)
    {
        GoldenTensors golden = context.Tensors(HostilePixels);
        foreach ((JsonElement entry, string tensor) in Expected(context))
        {
            (PngImage? image, string? problem) = Decode(context, entry);
            if (image is null)
            {
                bool fine = entry.GetProperty("verdict").GetString() != "accept" &&
                    problem!.StartsWith("rejected", StringComparison.Ordinal);
                yield return GoldenResult.Exact(Name(entry), fine, problem!);
                continue;
            }

            int[] shape = golden[tensor].Shape; // [height, width, 4]
            int rows = entry.TryGetProperty("expected_rows", out JsonElement some) ? some.GetInt32() : shape[0];
            yield return Same(Name(entry), golden[tensor].Octets()[..(rows * shape[1] * 4)], image.ToRgba8());
        }

        if (context.Json(HostileList).GetProperty("files").EnumerateArray().Any(entry => Name(entry) == Mended))
        {
            byte[] png = File.ReadAllBytes(context.Path("png", "hostile", Mended + ".png"));
            MendChecksum(png, "PLTE"u8);
            yield return Same(
                $"{Mended}, mended", golden[MendedPixels].Octets(), PngImage.Decode(png, Mended).ToRgba8());
        }
    }

    /// <summary>Puts the right CRC behind a chunk (PNG specification, 5.3 and annex D).</summary>
    private static void MendChecksum(byte[] png, ReadOnlySpan<byte> type)
    {
        int at = png.AsSpan().IndexOf(type);
        int length = type.Length + BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(at - sizeof(int)));
        uint crc = uint.MaxValue;
        foreach (byte b in png.AsSpan(at, length))
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320u);
            }
        }

        BinaryPrimitives.WriteUInt32BigEndian(png.AsSpan(at + length), ~crc);
    }

    private static IEnumerable<(JsonElement Entry, string Tensor)> Expected(GoldenContext context) =>
        context.Json(HostileList).GetProperty("files").EnumerateArray()
            .Where(entry => entry.TryGetProperty("expected", out _))
            .Select(entry => (entry, entry.GetProperty("expected").GetString()!));

    /// <summary>The picture, or the reason why there is none, "rejected: …" for the documented exception.</summary>
    private static (PngImage? Image, string? Problem) Decode(GoldenContext context, JsonElement entry)
    {
        string file = entry.GetProperty("file").GetString()!;
        try
        {
            return (PngImage.Decode(File.ReadAllBytes(context.Path(["png", .. file.Split('/')])), file), null);
        }
        catch (ImageFormatException e)
        {
            return (null, "rejected: " + e.Message);
        }
#pragma warning disable CA1031 // that another exception leaves is what this check is to find and report
        catch (Exception e)
#pragma warning restore CA1031
        {
            return (null, $"{e.GetType().Name}: {e.Message}");
        }
    }

    private static string Name(JsonElement entry) =>
        Path.GetFileNameWithoutExtension(entry.GetProperty("file").GetString()!);

    private static byte[] LittleEndian(ushort[] samples)
    {
        byte[] bytes = new byte[2 * samples.Length];
        for (int i = 0; i < samples.Length; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(2 * i), samples[i]);
        }

        return bytes;
    }

    private static GoldenResult Same(string name, byte[] expected, byte[] actual)
    {
        int at = expected.AsSpan().CommonPrefixLength(actual);
        string problem = expected.Length != actual.Length
            ? $"expected {expected.Length} bytes, got {actual.Length}"
            : at < expected.Length ? $"byte {at}: expected {expected[at]}, got {actual[at]}" : string.Empty;
        return GoldenResult.Exact(name, problem.Length == 0, problem);
    }
}
