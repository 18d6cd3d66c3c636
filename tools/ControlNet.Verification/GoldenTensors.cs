using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace ControlNet.Verification;

/// <summary>One tensor of a golden file: its type as safetensors names it, its extents, its bytes.</summary>
/// <param name="DType">For example <c>F32</c>, <c>I64</c>, <c>U8</c>.</param>
/// <param name="Shape">Extents, outermost first; golden data is NCHW.</param>
/// <param name="Bytes">Little-endian, row-major.</param>
public sealed record GoldenTensor(string DType, int[] Shape, ReadOnlyMemory<byte> Bytes)
{
    /// <summary>The elements of an F32 tensor.</summary>
    public float[] Floats() => Elements<float>("F32");

    /// <summary>The elements of an F64 tensor.</summary>
    public double[] Doubles() => Elements<double>("F64");

    /// <summary>The elements of an I64 tensor.</summary>
    public long[] Longs() => Elements<long>("I64");

    /// <summary>The elements of a U8 tensor.</summary>
    public byte[] Octets() => Elements<byte>("U8");

    /// <summary>The elements of an F32 or F64 tensor, as doubles.</summary>
    public double[] Reals() => DType == "F64" ? Doubles() : [.. Floats().Select(v => (double)v)];

    private T[] Elements<T>(string expected) where T : unmanaged => DType == expected
        ? MemoryMarshal.Cast<byte, T>(Bytes.Span).ToArray()
        : throw new InvalidDataException($"the golden tensor is {DType}, the check reads {expected}");
}

/// <summary>
/// A golden safetensors file, read by these few lines and not by the library's own reader, so that a bug there cannot
/// hide behind itself.
/// </summary>
public sealed class GoldenTensors
{
    private readonly Dictionary<string, GoldenTensor> _tensors = new(StringComparer.Ordinal);

    /// <summary>Reads a whole file.</summary>
    public GoldenTensors(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        int headerBytes = (int)BinaryPrimitives.ReadInt64LittleEndian(file);
        using JsonDocument header = JsonDocument.Parse(file.AsMemory(8, headerBytes));
        foreach (JsonProperty entry in header.RootElement.EnumerateObject())
        {
            if (entry.Name == "__metadata__")
            {
                Params = entry.Value.TryGetProperty("params", out JsonElement text)
                    ? JsonDocument.Parse(text.GetString()!).RootElement
                    : default;
                continue;
            }

            JsonElement offsets = entry.Value.GetProperty("data_offsets");
            int begin = offsets[0].GetInt32(), end = offsets[1].GetInt32();
            _tensors[entry.Name] = new GoldenTensor(
                entry.Value.GetProperty("dtype").GetString()!,
                [.. entry.Value.GetProperty("shape").EnumerateArray().Select(e => e.GetInt32())],
                file.AsMemory(8 + headerBytes + begin, end - begin));
        }
    }

    /// <summary>The JSON of the metadata entry <c>params</c>; undefined when the file has none.</summary>
    public JsonElement Params { get; }

    /// <summary>Every tensor name, in the order of the header.</summary>
    public IEnumerable<string> Names => _tensors.Keys;

    /// <summary>One tensor.</summary>
    public GoldenTensor this[string name] => _tensors.TryGetValue(name, out GoldenTensor? tensor)
        ? tensor
        : throw new InvalidDataException($"the golden file has no tensor '{name}'");

    /// <summary>Whether the file has a tensor of that name.</summary>
    public bool Has(string name) => _tensors.ContainsKey(name);
}
