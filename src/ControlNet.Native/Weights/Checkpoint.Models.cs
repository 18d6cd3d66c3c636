using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ControlNet.Native.Messages;

namespace ControlNet.Native.Weights;

/// <content>Which models there are, where their configurations come from, and what the report says.</content>
public sealed partial class Checkpoint
{
    private static readonly Dictionary<ModelKind, string> s_folders = new()
    {
        [ModelKind.Unet] = "unet",
        [ModelKind.Vae] = "vae",
        [ModelKind.Text] = "text_encoder",
        [ModelKind.ControlNet] = "controlnet",
    };

    /// <summary>The family, told from the shape of the first transformer's projection.</summary>
    public ModelVersion Version => (Slots(ModelKind.Unet) ?? Slots(ModelKind.ControlNet))?
        .FirstOrDefault(pair => pair.Key.EndsWith(".attentions.0.proj_in.weight", StringComparison.Ordinal))
        .Value?.Extents.Count switch
    {
        4 => ModelVersion.StableDiffusion1,
        2 => ModelVersion.StableDiffusion2,
        _ => ModelVersion.Unknown,
    };

    /// <summary>What the UNet predicts: <c>epsilon</c>, <c>v_prediction</c> or <c>sample</c>.</summary>
    /// <exception cref="CheckpointException">
    /// The scheduler's configuration cannot be read or names something else.
    /// </exception>
    public string PredictionType => Prediction().Type;

    /// <summary>Opens a checkpoint to generate with: it must hold UNet, VAE and text encoder.</summary>
    /// <inheritdoc cref="Open(string, CheckpointOptions?)"/>
    public static Checkpoint OpenModel(string path, CheckpointOptions? options = null) =>
        Fill(Open(path, options), checkpoint => checkpoint.RequireModel());

    /// <summary>Opens a checkpoint to steer with: it must hold a ControlNet.</summary>
    /// <inheritdoc cref="Open(string, CheckpointOptions?)"/>
    public static Checkpoint OpenControlNet(string path, CheckpointOptions? options = null) =>
        Fill(Open(path, options), checkpoint => checkpoint.RequireControlNet());

    /// <summary>What people call the checkpoint at a path; only files have an extension to leave out.</summary>
    internal static string NameOf(string path)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        return Directory.Exists(full) ? Path.GetFileName(full) : Path.GetFileNameWithoutExtension(full);
    }

    /// <summary>What was recognised, and what was loaded until now.</summary>
    /// <exception cref="CheckpointException">The scheduler's configuration cannot be read.</exception>
    public LoadReport Report()
    {
        List<WeightSlot> used = [];
        List<string> expected = [], others = [];
        foreach (OpenSet set in _sets)
        {
            foreach ((_, ComponentWeights weights) in set.Models)
            {
                used.AddRange(weights.Taken.Select(name => weights.Slots[name]));
                if (weights.Taken.Count > 0)
                {
                    others.AddRange(weights.Slots.Where(slot => !weights.Taken.Contains(slot.Key))
                        .Select(slot => slot.Value.Entry.Name));
                }
            }

            string? unused = UnusedOpenClipBlock(set);
            foreach (string name in set.Files.Tensors.Keys.Where(name => !set.Claimed.Contains(name)))
            {
                (Leftovers.IsExpected(name, unused) ? expected : others).Add(name);
            }
        }

        SafeTensorsEntry[] entries = [.. used.Select(slot => slot.Entry).Distinct()];
        (string prediction, bool assumed) = Prediction();
        return new LoadReport
        {
            Source = Source,
            Layout = Layout,
            Version = Version,
            PredictionType = prediction,
            PredictionIsAssumed = assumed,
            ElementTypes = entries.CountBy(entry => entry.DType).ToDictionary(),
            TensorsUsed = entries.Length,
            BytesUsed = used.Sum(slot => slot.ByteCount),
            ExpectedLeftovers = [.. expected.Order(StringComparer.Ordinal)],
            Leftovers = [.. others.Distinct().Order(StringComparer.Ordinal)],
        };
    }

    /// <summary>
    /// Checks that there is all a picture needs, and that this library computes it, before anything is loaded.
    /// </summary>
    /// <exception cref="CheckpointException">A model is missing, or its configuration is refused.</exception>
    public void RequireModel()
    {
        List<string> missing = [];
        missing.AddRange(Unet is null ? ["UNet"] : []);
        missing.AddRange(Vae is null ? ["VAE"] : []);
        missing.AddRange(Text is null ? ["text encoder"] : []);
        if (missing.Count > 0)
        {
            throw new CheckpointException($"{MessageText.Name(Source)}: " + (missing.Count == 3
                ? "this is a ControlNet, not a Stable Diffusion model; " +
                    "give it as the ControlNet and name the model it steers as well"
                : $"has no {string.Join(" and no ", missing)}; give a whole Stable Diffusion model"));
        }

        _ = (Unet!.Config, Vae!.Config, Text!.Config);
    }

    /// <summary>
    /// Checks that there is a ControlNet, and that this library computes it, before anything is loaded.
    /// </summary>
    /// <exception cref="CheckpointException">There is none, or its configuration is refused.</exception>
    public void RequireControlNet()
    {
        if (ControlNet is null)
        {
            IEnumerable<string> held = _sets.SelectMany(set => set.Models)
                .Select(m => ModelDetection.Noun(m.Model.Kind));
            throw new CheckpointException(
                $"{MessageText.Name(Source)}: this is no ControlNet, it holds {string.Join(", ", held)}; " +
                "give it as the model and name a ControlNet as well");
        }

        _ = ControlNet.Config;
    }

    private void Add(TensorFiles files, string? folder)
    {
        OpenSet set = new(files, folder);
        _sets.Add(set);
        foreach (DetectedModel model in ModelDetection.Detect(files.Name, [.. files.Tensors.Keys]))
        {
            ComponentWeights weights = ComponentMapper.Map(files, model, set.Claimed);
            set.Models.Add((model, weights));

            // A file in the original layout has nothing to do with a config.json that happens to lie beside it.
            string? beside = model.Style == NameStyle.Diffusers && model.Prefix.Length == 0 ? folder : null;
            AddPart(model, weights, beside);
        }
    }

    // The caller's word first, then a configuration file, then the shapes of the weights.
    private void AddPart(DetectedModel model, ComponentWeights weights, string? beside)
    {
        ModelKind kind = model.Kind;
        ConfigFromShapes shapes = new(weights);
        switch (kind)
        {
            case ModelKind.Unet:
                Unet ??= new(
                    weights, () => _options.Unet ?? FromJson(kind, beside, ConfigReader.Unet) ?? shapes.Unet());
                break;
            case ModelKind.ControlNet:
                ControlNet ??= new(
                    weights,
                    () => _options.ControlNet ?? FromJson(kind, beside, ConfigReader.ControlNet)
                        ?? shapes.ControlNet());
                break;
            case ModelKind.Vae:
                Vae ??= new(
                    weights, () => _options.Vae ?? FromJson(kind, beside, ConfigReader.Vae) ?? shapes.Vae());
                break;
            default:
                bool isOpenClip = model.Style == NameStyle.OpenClip;
                Text ??= new(
                    weights,
                    () => _options.Text ?? FromJson(kind, beside, ConfigReader.Text) ?? shapes.Text(isOpenClip));
                break;
        }
    }

    private TConfig? FromJson<TConfig>(ModelKind kind, string? beside, Func<ConfigJson, TConfig> read)
        where TConfig : class
    {
        string?[] places =
        [
            _options.ConfigsFrom is string whole ? Path.Combine(whole, s_folders[kind]) : null,
            _options.ConfigsFrom,
            beside,
        ];
        foreach (string folder in places.OfType<string>())
        {
            string path = Path.Combine(folder, "config.json");
            if (File.Exists(path) && ConfigJson.Read(path) is ConfigJson json
                && json.Text("_class_name", string.Empty) == ClassName(kind))
            {
                return read(json);
            }
        }

        return null;
    }

    // transformers writes no class name.
    private static string ClassName(ModelKind kind) => kind switch
    {
        ModelKind.Unet => "UNet2DConditionModel",
        ModelKind.ControlNet => "ControlNetModel",
        ModelKind.Vae => "AutoencoderKL",
        _ => string.Empty,
    };

    /// <summary>The folder of a pipeline that a kind of model lies in.</summary>
    internal static string FolderOf(ModelKind kind) => s_folders[kind];

    private (string Type, bool IsAssumed) Prediction()
    {
        if (_options.PredictionType is string given)
        {
            return (given, false);
        }

        if (SchedulerConfigPath is string path)
        {
            ConfigJson scheduler = ConfigJson.Read(path);
            scheduler.Require("prediction_type", "epsilon", "v_prediction", "sample");
            return (scheduler.Text("prediction_type", "epsilon"), false);
        }

        TensorFiles? files = _sets.FirstOrDefault()?.Files;
        string? stated = files?.Metadata.GetValueOrDefault("modelspec.prediction_type")
            ?? files?.Metadata.GetValueOrDefault("prediction_type");
        if (stated is "epsilon" or "v" or "v_prediction")
        {
            return (stated == "epsilon" ? "epsilon" : "v_prediction", false);
        }

        // An empty tensor of that name is how trainers mark single files.
        if (files?.Tensors.ContainsKey("v_pred") == true)
        {
            return ("v_prediction", false);
        }

        // The 768-pixel models of SD 2.x predict v, its base and inpainting models and SD 1.x predict the noise.
        bool isInpainting = Slots(ModelKind.Unet)?.GetValueOrDefault("conv_in.weight")?.Extents is [_, > 4, ..];
        return (Version == ModelVersion.StableDiffusion2 && !isInpainting ? "v_prediction" : "epsilon", true);
    }

    private IReadOnlyDictionary<string, WeightSlot>? Slots(ModelKind kind) =>
        _sets.SelectMany(set => set.Models).FirstOrDefault(model => model.Model.Kind == kind).Weights?.Slots;

    private static string? UnusedOpenClipBlock(OpenSet set)
    {
        DetectedModel? clip = set.Models.Find(model => model.Model.Style == NameStyle.OpenClip).Model;
        if (clip is null)
        {
            return null;
        }

        string blocks = clip.Prefix + "transformer.resblocks.";
        return $"{blocks}{NameRules.Indices(set.Files.Tensors.Keys, blocks).DefaultIfEmpty(-1).Max()}.";
    }
}
