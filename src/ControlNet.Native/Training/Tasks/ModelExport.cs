using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ControlNet.Native.Sampling;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Training;

/// <summary>
/// Writes trained models as diffusers lays them out: a folder for each part, configuration beside weights.
/// </summary>
internal static class ModelExport
{
    /// <summary>The folders of the parts.</summary>
    public const string UnetFolder = "unet", VaeFolder = "vae", TextFolder = "text_encoder";

    private const string Weights = "diffusion_pytorch_model.safetensors", TextWeights = "model.safetensors";
    private const string Config = "config.json", OriginalPrefix = "control_model.";

    private static readonly string[] s_weightEnds =
        [".safetensors", ".safetensors.index.json", ".bin", ".bin.index.json", ".ckpt", ".msgpack"];

    /// <summary>Writes a ControlNet: a diffusers folder, or one file with the names of the authors' code.</summary>
    public static void ControlNet(
        string folder, ControlNetConfig config, IReadOnlyList<Parameter> parameters, DType type,
        ExportLayouts layouts)
    {
        Directory.CreateDirectory(folder);
        if (layouts.HasFlag(ExportLayouts.Diffusers))
        {
            WriteText(Path.Combine(folder, Config), ConfigWriter.ControlNet(config));
            WriteWeights(Path.Combine(folder, Weights), parameters, type);
        }

        if (layouts.HasFlag(ExportLayouts.Original))
        {
            string own = Path.Combine(folder, "original");
            Directory.CreateDirectory(own);
            OriginalUnetNames names = new([.. parameters.Select(parameter => parameter.Name)]);
            WriteWeights(
                Path.Combine(own, "control_model.safetensors"),
                [.. parameters.Select(p => p with { Name = OriginalPrefix + names.Translate(p.Name) })], type);
        }
    }

    /// <summary>Copies a model in diffusers' layout, without the weights of the parts that are written anew.</summary>
    /// <param name="source">Its folder.</param>
    /// <param name="folder">Where to; not inside it.</param>
    /// <param name="replaced">Folders whose weights are left out, in whatever form they lie there.</param>
    public static void Copy(string source, string folder, params IReadOnlyList<string> replaced)
    {
        foreach (string file in Directory.GetFiles(source, "*", SearchOption.AllDirectories))
        {
            string relative = Path.GetRelativePath(source, file);
            if (replaced.Contains(Path.GetDirectoryName(relative))
                && Array.Exists(s_weightEnds, end => file.EndsWith(end, StringComparison.OrdinalIgnoreCase)))
            {
                continue;
            }

            string target = Path.Combine(folder, relative);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target, overwrite: true);
        }
    }

    /// <summary>
    /// Writes the weights of a UNet that was trained as a whole, beside its configuration, and what it predicts.
    /// </summary>
    public static void Unet(string folder, TrainingModel model, DType type)
    {
        WriteWeights(Path.Combine(folder, UnetFolder, Weights), model.Maps.Unet.Parameters, type);
        WritePrediction(folder, model);
    }

    /// <summary>Writes a UNet of which a part was trained; the rest comes from where it was loaded.</summary>
    public static void MergedUnet(string folder, TrainingModel model, DType type)
    {
        using Checkpoint source = Checkpoint.OpenModel(model.Source);
        WriteMerged(
            Path.Combine(folder, UnetFolder, Weights), source.Unet!.Weights, model.Maps.Unet.Parameters,
            model.Pipeline.Device, type);
        WritePrediction(folder, model);
    }

    /// <summary>
    /// Writes an autoencoder of which the decoder was trained; the latents are what they were, and so is their factor.
    /// </summary>
    public static void MergedVae(string folder, TrainingModel model, DType type)
    {
        using Checkpoint source = Checkpoint.OpenModel(model.Source);
        WriteMerged(
            Path.Combine(folder, VaeFolder, Weights), source.Vae!.Weights, model.Maps.Vae.Parameters,
            model.Pipeline.Device, type);
    }

    /// <summary>Writes what was trained, and the rest as the checkpoint has it.</summary>
    private static void WriteMerged(
        string path, ComponentWeights source, IReadOnlyList<Parameter> parameters, Device device, DType type)
    {
        Dictionary<string, Parameter> trained =
            parameters.ToDictionary(parameter => parameter.Name, StringComparer.Ordinal);
        SafeTensorsWriter.Write(
            path,
            source.Slots.Select(slot => trained.TryGetValue(slot.Key, out Parameter? own)
                ? Item(own, type)
                : new SafeTensorsItem(slot.Key, type.Name(), slot.Value.Extents, () => Frozen(slot.Value))));

        ReadOnlyMemory<byte> Frozen(WeightSlot slot)
        {
            Shape shape = new([.. slot.Extents.Select(extent => checked((int)extent))]);
            using Tensor read = WeightReader.Read(device, slot, shape, type);
            byte[] bytes = new byte[read.Bytes];
            read.CopyBytesTo(bytes);
            return bytes;
        }
    }

    /// <summary>Writes the weights of the text encoder.</summary>
    public static void Text(string folder, TrainingModel model, DType type) =>
        WriteWeights(Path.Combine(folder, TextFolder, TextWeights), model.Maps.Text.Parameters, type);

    /// <summary>
    /// Writes the weights of the autoencoder and the factor that brings its latents to unit variance.
    /// </summary>
    public static void Vae(string folder, TrainingModel model, DType type, double scalingFactor)
    {
        string own = Path.Combine(folder, VaeFolder);
        WriteWeights(Path.Combine(own, Weights), model.Maps.Vae.Parameters, type);
        Change(Path.Combine(own, Config), "scaling_factor", Math.Round(scalingFactor, 5));
    }

    /// <summary>A UNet may have been trained to predict something else than the model it began as did.</summary>
    private static void WritePrediction(string folder, TrainingModel model)
    {
        string path = Path.Combine(folder, "scheduler", "scheduler_config.json");
        if (File.Exists(path))
        {
            Change(path, "prediction_type", model.Pipeline.Scheduler.Prediction switch
            {
                PredictionType.Velocity => "v_prediction",
                PredictionType.Sample => "sample",
                _ => "epsilon",
            });
        }
    }

    /// <summary>Sets one key of a JSON file and leaves the others.</summary>
    private static void Change(string path, string key, JsonNode value)
    {
        JsonObject config = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        config[key] = value;
        using MemoryStream bytes = new();
        using (Utf8JsonWriter writer = new(bytes, new JsonWriterOptions { Indented = true }))
        {
            config.WriteTo(writer);
        }

        WriteText(path, Encoding.UTF8.GetString(bytes.ToArray()) + "\n");
    }

    private static void WriteWeights(string path, IReadOnlyList<Parameter> parameters, DType type) =>
        SafeTensorsWriter.Write(path, parameters.Select(parameter => Item(parameter, type)));

    private static SafeTensorsItem Item(Parameter parameter, DType type) => new(
        parameter.Name, type.Name(),
        [.. Enumerable.Range(0, parameter.Value.Shape.Rank).Select(axis => (long)parameter.Value.Shape[axis])],
        () =>
        {
            using TensorScope scope = TensorScope.Enter();
            Tensor cast = type == DType.F32 ? parameter.Value : Ops.Cast(parameter.Value, type);
            byte[] bytes = new byte[cast.Bytes];
            cast.CopyBytesTo(bytes);
            return bytes;
        });

    private static void WriteText(string path, string text)
    {
        string beside = path + ".tmp";
        File.WriteAllText(beside, text);
        File.Move(beside, path, overwrite: true);
    }
}
