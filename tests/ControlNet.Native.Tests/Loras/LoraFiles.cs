using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Tests.Loras;

/// <summary>LoRA of the golden folder, and small ones written for one test.</summary>
internal static class LoraFiles
{
    public const string Kohya = "kohya", Locon = "kohya-locon", Peft = "diffusers-peft", Old = "diffusers-old";

    public static string PathOf(string name) => Repository.Golden("models", "lora", $"{name}.safetensors");

    public static Lora Open(string name) => Lora.Open(PathOf(name));

    /// <summary>A tensor of small numbers that are the same in every run.</summary>
    public static SafeTensorsItem Item(string name, params int[] extents)
    {
        Random random = new(name.Length + extents.Length);
        float[] values = new float[extents.Aggregate(1, (product, extent) => product * extent)];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (random.NextSingle() - 0.5f) / 2;
        }

        return Item(name, values, extents);
    }

    /// <summary>A tensor of given numbers, F32.</summary>
    public static SafeTensorsItem Item(string name, float[] values, params int[] extents) => new(
        name, "F32", [.. extents.Select(extent => (long)extent)],
        () => System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()).ToArray());

    /// <summary>The two factors of a module, as kohya names them.</summary>
    public static SafeTensorsItem[] Module(string name, int outputs, int inputs, int rank = 2) =>
        [Item($"{name}.lora_down.weight", rank, inputs), Item($"{name}.lora_up.weight", outputs, rank)];

    /// <summary>A file with these tensors.</summary>
    public static byte[] Bytes(
        IEnumerable<SafeTensorsItem> items, IReadOnlyDictionary<string, string>? metadata = null)
    {
        using MemoryStream stream = new();
        SafeTensorsWriter.Write(stream, items, metadata);
        return stream.ToArray();
    }

    /// <summary>A LoRA with these tensors.</summary>
    public static Lora Of(params IEnumerable<SafeTensorsItem> items) => Lora.Open(Bytes(items), "made");

    /// <summary>The tensors of a golden LoRA, under names of one's own.</summary>
    public static SafeTensorsItem[] Renamed(string name, Func<string, string> rename)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(PathOf(name));
        return
        [
            .. file.Entries.Values.Select(entry =>
            {
                byte[] bytes = file.ReadAll(entry.Name);
                return new SafeTensorsItem(rename(entry.Name), entry.DType, entry.Shape, () => bytes);
            }),
        ];
    }
}
