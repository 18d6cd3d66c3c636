using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native;
using ControlNet.Native.Weights;

namespace ControlNet.Cli;

/// <summary>
/// Encoded prompts in a safetensors file, under the names diffusers has for them: <c>prompt_embeds</c> and
/// <c>negative_prompt_embeds</c>, <c>[1, T, width]</c> each.
/// </summary>
/// <param name="Prompt">The prompt.</param>
/// <param name="Negative">The negative prompt; null where the file has none.</param>
internal sealed record PromptEmbeddingsFile(PromptEmbedding Prompt, PromptEmbedding? Negative)
{
    private const string PromptName = "prompt_embeds";
    private const string NegativeName = "negative_prompt_embeds";

    /// <summary>Reads a file, F32 or F16.</summary>
    /// <exception cref="SafeTensorsException">The file is damaged or of another format.</exception>
    /// <exception cref="UsageException">It holds something else.</exception>
    public static PromptEmbeddingsFile Read(string path)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        if (!file.Entries.ContainsKey(PromptName))
        {
            string held = string.Join(
                ", ", file.Entries.Keys.Order(StringComparer.Ordinal).Take(3).Select(name => $"'{name}'"));
            throw new UsageException(
                $"'{path}' has no tensor '{PromptName}'; it has {(held.Length > 0 ? held : "none")}");
        }

        return new PromptEmbeddingsFile(
            Read(path, file, PromptName),
            file.Entries.ContainsKey(NegativeName) ? Read(path, file, NegativeName) : null);
    }

    /// <summary>Writes a file, F32; readers see the old one or the whole new one.</summary>
    /// <exception cref="SafeTensorsException">It cannot be written.</exception>
    public void Write(string path)
    {
        List<SafeTensorsItem> items = [Item(PromptName, Prompt)];
        if (Negative is not null)
        {
            items.Add(Item(NegativeName, Negative));
        }

        SafeTensorsWriter.Write(path, items);
    }

    private static PromptEmbedding Read(string path, SafeTensorsFile file, string name)
    {
        SafeTensorsEntry entry = file.Entries[name];
        if (entry.DType is not ("F32" or "F16") || entry.Shape is not [1, > 0, > 0])
        {
            throw new UsageException(
                $"'{path}': '{name}' must be F32 or F16 [1, tokens, width], got {entry.DType} {entry.ShapeText}");
        }

        byte[] bytes = file.ReadAll(name);
        float[] values = new float[checked((int)(entry.Shape[1] * entry.Shape[2]))];
        if (entry.DType == "F16")
        {
            HalfConversion.WidenHalf(bytes, values);
        }
        else
        {
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(i * sizeof(float)));
            }
        }

        return new PromptEmbedding(values, (int)entry.Shape[1], (int)entry.Shape[2]);
    }

    private static SafeTensorsItem Item(string name, PromptEmbedding embedding)
    {
        byte[] bytes = new byte[embedding.States.Length * sizeof(float)];
        for (int i = 0; i < embedding.States.Length; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), embedding.States.Span[i]);
        }

        return new SafeTensorsItem(name, "F32", [1, embedding.Tokens, embedding.Width], () => bytes);
    }
}
