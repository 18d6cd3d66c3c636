using System;
using System.Buffers.Binary;
using System.Linq;
using ControlNet.Native.Weights;

namespace ControlNet.Cli;

/// <summary>
/// Latents of one image in a safetensors file: tensor <c>latents</c>, F32, <c>[1, 4, H / 8, W / 8]</c> in PyTorch's
/// order. It is how noise and results are exchanged with other implementations.
/// </summary>
/// <param name="Values">The elements.</param>
/// <param name="Rows">H / 8.</param>
/// <param name="Columns">W / 8.</param>
internal sealed record LatentsFile(ReadOnlyMemory<float> Values, int Rows, int Columns)
{
    /// <summary>Pixels a latent stands for along each axis.</summary>
    public const int PixelsPerLatent = 8;

    private const string Name = "latents";
    private const int Channels = 4;

    /// <summary>Reads a file.</summary>
    /// <exception cref="SafeTensorsException">The file is damaged or of another format.</exception>
    /// <exception cref="UsageException">It holds something else, or a value that is not finite.</exception>
    public static LatentsFile Read(string path)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        if (!file.Entries.TryGetValue(Name, out SafeTensorsEntry? entry))
        {
            string held = string.Join(
                ", ", file.Entries.Keys.Order(StringComparer.Ordinal).Take(3).Select(name => $"'{name}'"));
            throw new UsageException($"'{path}' has no tensor '{Name}'; it has {(held.Length > 0 ? held : "none")}");
        }

        if (entry.DType != "F32" || entry.Shape is not [1, Channels, > 0, > 0])
        {
            throw new UsageException(
                $"'{path}': '{Name}' must be F32 [1, {Channels}, H/8, W/8], got {entry.DType} {entry.ShapeText}");
        }

        byte[] bytes = file.ReadAll(Name);
        float[] values = new float[bytes.Length / sizeof(float)];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(i * sizeof(float)));
            if (!float.IsFinite(values[i]))
            {
                throw new UsageException($"'{path}': element {i} of '{Name}' is {values[i]}, but must be finite");
            }
        }

        return new LatentsFile(values, checked((int)entry.Shape[2]), checked((int)entry.Shape[3]));
    }

    /// <summary>Writes a file; readers see the old one or the whole new one.</summary>
    /// <exception cref="SafeTensorsException">It cannot be written.</exception>
    public void Write(string path)
    {
        byte[] bytes = new byte[Values.Length * sizeof(float)];
        for (int i = 0; i < Values.Length; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), Values.Span[i]);
        }

        SafeTensorsWriter.Write(path, [new SafeTensorsItem(Name, "F32", [1, Channels, Rows, Columns], () => bytes)]);
    }
}
