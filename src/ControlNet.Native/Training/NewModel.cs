using System;
using System.Collections.Generic;
using System.IO;
using ControlNet.Native.Nn;
using ControlNet.Native.Tensors;
using ControlNet.Native.Text;
using ControlNet.Native.Unet;
using ControlNet.Native.Vae;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Training;

/// <summary>
/// Makes a base model that has learnt nothing, of the architecture that configuration files describe.
/// </summary>
public static class NewModel
{
    /// <summary>Copies a folder of configurations in diffusers' layout and adds first weights to each part.</summary>
    /// <param name="template">
    /// A folder with <c>model_index.json</c>, <c>unet</c>, <c>vae</c>, <c>text_encoder</c>, <c>tokenizer</c> and
    /// <c>scheduler</c>, without weights.
    /// </param>
    /// <param name="folder">The new model; must not exist or be empty.</param>
    /// <param name="seed">Of the first weights.</param>
    /// <exception cref="TrainingOptionsException">The folder is not empty.</exception>
    /// <exception cref="CheckpointException">A configuration is missing or cannot be computed.</exception>
    public static void Create(string template, string folder, long seed)
    {
        ArgumentException.ThrowIfNullOrEmpty(template);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (Directory.Exists(folder) && Directory.GetFileSystemEntries(folder).Length > 0)
        {
            throw new TrainingOptionsException($"{folder} is not empty; name a folder for the new model");
        }

        UnetConfig unet = ConfigReader.Unet(ConfigJson.Read(Path.Combine(template, "unet", "config.json")));
        VaeConfig vae = ConfigReader.Vae(ConfigJson.Read(Path.Combine(template, "vae", "config.json")));
        ClipTextConfig text = ConfigReader.Text(
            ConfigJson.Read(Path.Combine(template, "text_encoder", "config.json")));
        ModelExport.Copy(
            template, folder, ModelExport.UnetFolder, ModelExport.VaeFolder, ModelExport.TextFolder);
        FirstWeights first = new(new TrainingRandom((ulong)seed));
        Write("unet", "diffusion_pytorch_model", map => new UnetModel(map, unet), FirstWeights.IsZeroInUnet);
        Write("vae", "diffusion_pytorch_model", map => new Autoencoder(map, vae), FirstWeights.IsZeroInAutoencoder);
        Write("text_encoder", "model", map => new ClipTextModel(map, text), static _ => false);

        void Write(string part, string file, Func<WeightMap, Module> build, Func<string, bool> isZero) =>
            SafeTensorsWriter.Write(
                Path.Combine(folder, part, file + ".safetensors"), first.Draw(WeightSketch.Of(build), isZero));
    }
}
