using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Text.Json.Nodes;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Training;

/// <summary>Writes trained models as diffusers lays them out: a folder for each part, configuration beside weights.</summary>
internal static class ModelExport
{
    private const string Weights = "diffusion_pytorch_model.safetensors", Config = "config.json";

    /// <summary>Writes a ControlNet: <c>config.json</c> and its weights into the folder itself.</summary>
    public static void ControlNet(
        string folder, ControlNetConfig config, IReadOnlyList<Parameter> parameters, Func<Parameter, Tensor> valueOf,
        DType type)
    {
        Directory.CreateDirectory(folder);
        WriteText(Path.Combine(folder, Config), ControlNetConfigWriter.Json(config));
        WriteWeights(Path.Combine(folder, Weights), parameters, valueOf, type);
    }

    /// <summary>Copies everything of a model in diffusers' layout but what training replaces.</summary>
    /// <exception cref="TrainingOptionsException">The model is a single file.</exception>
    public static void Copy(string source, string folder)
    {
        if (!Directory.Exists(source))
        {
            throw new TrainingOptionsException(
                $"{source}: a base model is trained from and to a folder in diffusers' layout, not a single file; " +
                "convert it first");
        }

        foreach (string file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(folder, Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target, overwrite: true);
        }
    }

    /// <summary>Writes the weights of the UNet that were trained, beside its configuration.</summary>
    public static void Unet(string folder, TrainingModel model, Func<Parameter, Tensor> valueOf, DType type)
    {
        string own = Path.Combine(folder, "unet");
        Directory.CreateDirectory(own);
        WriteWeights(Path.Combine(own, Weights), model.Maps.Unet.Parameters, valueOf, type);
    }

    /// <summary>Writes the weights of the text encoder.</summary>
    public static void Text(string folder, TrainingModel model, Func<Parameter, Tensor> valueOf, DType type) =>
        WriteWeights(
            Path.Combine(folder, "text_encoder", "model.safetensors"), model.Maps.Text.Parameters, valueOf, type);

    /// <summary>Writes the weights of the autoencoder and the factor that brings its latents to unit variance.</summary>
    public static void Vae(
        string folder, TrainingModel model, Func<Parameter, Tensor> valueOf, DType type, double scalingFactor)
    {
        string own = Path.Combine(folder, "vae");
        WriteWeights(Path.Combine(own, Weights), model.Maps.Vae.Parameters, valueOf, type);
        string path = Path.Combine(own, Config);
        JsonObject config = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        config["scaling_factor"] = Math.Round(scalingFactor, 5);
        WriteText(path, config.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");
    }

    private static void WriteWeights(
        string path, IReadOnlyList<Parameter> parameters, Func<Parameter, Tensor> valueOf, DType type) =>
        SafeTensorsWriter.Write(path, parameters.Select(parameter => Item(parameter, valueOf(parameter), type)));

    private static SafeTensorsItem Item(Parameter parameter, Tensor value, DType type) => new(
        parameter.Name, type.Name(),
        [.. Enumerable.Range(0, value.Shape.Rank).Select(axis => (long)value.Shape[axis])],
        () =>
        {
            using TensorScope scope = TensorScope.Enter();
            Tensor cast = type == DType.F32 ? value : Ops.Cast(value, type);
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
