using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Bench.Table;

/// <summary>
/// <c>random-checkpoint FOLDER</c>: writes a Stable Diffusion 1.5 and a ControlNet of the true sizes with random
/// weights, in the names of the original single files, in F32 and F16: 8.6 GB. Their pictures are noise; time and
/// memory are real.
/// </summary>
internal static class RandomCheckpoint
{
    /// <summary>Keeps activations near unit variance through the depth of the networks.</summary>
    private const double Gain = 0.7;

    /// <summary>Writes the four files.</summary>
    public static int Write(string folder)
    {
        Directory.CreateDirectory(folder);
        CheckpointNames model = new(), control = new();
        model.Unet("model.diffusion_model.");
        model.Vae("first_stage_model.");
        model.Text("cond_stage_model.transformer.text_model.");
        control.Control("control_model.");
        foreach (bool half in (bool[])[false, true])
        {
            string type = half ? "f16" : "f32";
            Save(Path.Combine(folder, $"sd15-random-{type}.safetensors"), model, half);
            Save(Path.Combine(folder, $"control-random-{type}.safetensors"), control, half);
        }

        return 0;
    }

    private static void Save(string path, CheckpointNames names, bool half)
    {
        Console.Error.WriteLine(path);
        SafeTensorsWriter.Write(path, names.Tensors.Select((tensor, i) => new SafeTensorsItem(
            tensor.Name, half ? "F16" : "F32", [.. tensor.Shape.Select(extent => (long)extent)],
            () => Values(tensor, (uint)i, half))));
    }

    private static ReadOnlyMemory<byte> Values(CheckpointTensor tensor, uint seed, bool half)
    {
        int count = tensor.Shape.Aggregate(1, (a, b) => a * b);
        double fan = tensor.Shape.Length == 1 ? 1e4 : tensor.IsTable ? 2500 : (double)count / tensor.Shape[0];
        float scale = (float)((tensor.Shape.Length == 1 ? 1 : Gain) / Math.Sqrt(fan));
        float[] values = new float[count];
        for (int i = 0; i < count; i++)
        {
            values[i] = (tensor.IsScale ? 1 : 0) + (scale * HashNoise.Value(seed, (uint)i));
        }

        return half
            ? MemoryMarshal.AsBytes(Array.ConvertAll(values, value => (Half)value).AsSpan()).ToArray()
            : MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
    }
}
