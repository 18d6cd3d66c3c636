using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using ControlNet.Native.Messages;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Text;

/// <summary>
/// Reads embeddings in both layouts they are published in: that of A1111, tensor <c>emb_params</c>, named by its file,
/// and that of diffusers, one tensor whose name is the word.
/// </summary>
internal static class TextualInversionFile
{
    private const string OfWebUi = "emb_params";

    /// <summary>Reads a file.</summary>
    /// <param name="path">A <c>.safetensors</c> file.</param>
    /// <param name="name">The word that stands for it; null for the one the file says.</param>
    /// <exception cref="SafeTensorsException">The file is damaged or of another format, say a pickle.</exception>
    /// <exception cref="CheckpointException">It holds no embedding, or one with values that are not finite.</exception>
    public static TextualInversion Read(string path, string? name)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        SafeTensorsEntry entry = Choose(file);
        bool isRow = entry.Shape.Count == 1, isTable = entry.Shape.Count == 2;
        if ((!isRow && !isTable) || entry.Shape.Contains(0))
        {
            throw Refused(file, entry, $"is {entry.ShapeText}, but an embedding is [width] or [count, width]");
        }

        // What was a dictionary entry '*' in the pickle it was converted from says no name.
        string own = entry.Name is OfWebUi || entry.Name.EndsWith('*')
            ? Path.GetFileNameWithoutExtension(path)
            : entry.Name;
        return new TextualInversion(name ?? own, Values(file, entry), isRow ? 1 : checked((int)entry.Shape[0]));
    }

    private static SafeTensorsEntry Choose(SafeTensorsFile file)
    {
        if (file.Entries.TryGetValue(OfWebUi, out SafeTensorsEntry? entry))
        {
            return entry;
        }

        string[] names = [.. file.Entries.Keys.Order(StringComparer.Ordinal)];
        if (names.Length == 1)
        {
            return file.Entries[names[0]];
        }

        string about = names is ["clip_g", "clip_l"]
            ? "this embedding was made for Stable Diffusion XL, which this library does not compute"
            : $"this is no embedding: it has {names.Length} tensors, not '{OfWebUi}' or one with the name of its word";
        throw new CheckpointException(
            $"{MessageText.Name(file.Name)}: {about}; give an embedding made for Stable Diffusion 1.x or 2.x");
    }

    private static float[] Values(SafeTensorsFile file, SafeTensorsEntry entry)
    {
        byte[] bytes = file.ReadAll(entry.Name);
        float[] values = new float[checked((int)entry.Shape.Aggregate(1L, (product, extent) => product * extent))];
        switch (entry.DType)
        {
            case "F32":
                bytes.CopyTo(MemoryMarshal.AsBytes(values.AsSpan()));
                break;
            case "F16":
                HalfConversion.WidenHalf(bytes, values);
                break;
            case "BF16":
                HalfConversion.WidenBFloat16(bytes, values);
                break;
            default:
                throw Refused(file, entry, $"is {entry.DType}; embeddings are read from F32, F16 or BF16");
        }

        int bad = Array.FindIndex(values, value => !float.IsFinite(value));
        return bad < 0 ? values : throw Refused(
            file, entry, FormattableString.Invariant(
                $"has {values[bad]} at element {bad}, but must be finite; train or download it again"));
    }

    private static CheckpointException Refused(SafeTensorsFile file, SafeTensorsEntry entry, string problem) =>
        new($"{MessageText.Name(file.Name)}: tensor '{MessageText.Name(entry.Name)}' {problem}");
}
