using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace ControlNet.Native.Weights;

/// <summary>
/// Plans a folder as diffusers has it: one component with its <c>config.json</c>, or a whole pipeline. Models that bear
/// these names already keep them, and their configuration.
/// </summary>
internal static class DiffusersLayout
{
    /// <summary>Plans the folder.</summary>
    /// <param name="source">What goes into it.</param>
    /// <param name="tokenizer">Folder of the tokenizer; null takes that of the source.</param>
    public static ConversionPlan Plan(ConversionSource source, string? tokenizer)
    {
        ConversionPlan plan = new();
        foreach (SourceModel model in source.Models)
        {
            AddModel(source, model, plan);
        }

        AddOriginalOnly(source, plan);
        if (source.Alone is null)
        {
            AddCompanions(source, tokenizer ?? source.Checkpoint.TokenizerFolder, plan);
        }

        return plan;
    }

    private static void AddModel(ConversionSource source, SourceModel model, ConversionPlan plan)
    {
        string folder = source.Alone is null ? Checkpoint.FolderOf(model.Kind) + "/" : string.Empty;
        string file = model.Kind == ModelKind.Text ? "model.safetensors" : "diffusion_pytorch_model.safetensors";
        Dictionary<string, string> metadata = model.IsOriginal && model != source.Unet && source.Alone is null
            ? []
            : new(model.Set.Files.Metadata);

        // transformers refuses files that do not say so.
        metadata.TryAdd("format", "pt");
        IEnumerable<PlannedTensor> tensors = model.IsOriginal
            ? model.Weights.Slots
                .Select(slot => new PlannedTensor(
                    slot.Key, slot.Value.Extents, [new Piece(slot.Value, model.Kind, slot.Key)]))
                .Concat(model.PositionIds().Select(ids => PlannedTensor.AsIs(ids.Name, ids.Slot)))
            : model.Entries();
        plan.Files.Add(new PlannedFile(folder + file, ModelDetection.Noun(model.Kind), [.. tensors], metadata));
        if (!model.IsOriginal && model.Set.Folder is string own && Path.Combine(own, "config.json") is string config
            && File.Exists(config))
        {
            plan.Copies.Add(folder + "config.json", config);
        }
        else
        {
            plan.Texts.Add(folder + "config.json", Config(source.Checkpoint, model.Kind));
        }
    }

    private static string Config(Checkpoint checkpoint, ModelKind kind) => kind switch
    {
        ModelKind.Unet => ConfigWriter.Unet(checkpoint.Unet!.Config),
        ModelKind.Vae => ConfigWriter.Vae(checkpoint.Vae!.Config),
        ModelKind.ControlNet => ConfigWriter.ControlNet(checkpoint.ControlNet!.Config),
        _ => ConfigWriter.Text(checkpoint.Text!.Config),
    };

    /// <summary>
    /// What the folder has no place for: with a whole conversion kept beside, so that the way back gives every tensor,
    /// but for the running averages, which are as large as the model.
    /// </summary>
    private static void AddOriginalOnly(ConversionSource source, ConversionPlan plan)
    {
        List<PlannedTensor> kept = [];
        foreach (SourceModel model in source.Models.Where(model => model.IsOriginal))
        {
            HashSet<string> placed = [.. model.PositionIds().Select(ids => ids.Slot.Entry.Name)];
            IEnumerable<KeyValuePair<string, WeightSlot>> left = model.Set.Files.Tensors.Where(tensor =>
                model.IsOwn(tensor.Key) && !model.Set.Claimed.Contains(tensor.Key) && !placed.Contains(tensor.Key));
            kept.AddRange(left.Select(tensor => PlannedTensor.AsIs(tensor.Key, tensor.Value)));
        }

        foreach ((string name, WeightSlot slot) in source.Loose())
        {
            kept.Add(PlannedTensor.AsIs(name, slot));
        }

        PlannedTensor[] written =
        [
            .. kept.DistinctBy(tensor => tensor.Name)
                .Where(tensor => source.IsWhole && !tensor.Name.Contains("model_ema.", StringComparison.Ordinal)),
        ];
        plan.LeftOut.AddRange(kept.Select(tensor => tensor.Name).Except(written.Select(tensor => tensor.Name)));
        if (written.Length > 0)
        {
            plan.Files.Add(new PlannedFile(
                ConversionPlan.OriginalOnly, "original only", written,
                new Dictionary<string, string> { ["format"] = "pt" }));
        }
        else if (source.IsWhole && source.OriginalOnlyPath() is string before)
        {
            plan.Copies.Add(ConversionPlan.OriginalOnly, before);
        }
    }

    private static void AddCompanions(ConversionSource source, string? tokenizer, ConversionPlan plan)
    {
        string? scheduler = source.Checkpoint.SchedulerConfigPath;
        const string schedulerPath = "scheduler/scheduler_config.json";
        if (scheduler is not null)
        {
            plan.Copies.Add(schedulerPath, scheduler);
        }
        else
        {
            plan.Texts.Add(schedulerPath, ModelIndex.Scheduler(source.Checkpoint.PredictionType));
        }

        if (tokenizer is null)
        {
            plan.LacksTokenizer = true;
        }
        else
        {
            foreach (string file in ModelIndex.TokenizerFiles(tokenizer))
            {
                plan.Copies.Add("tokenizer/" + Path.GetFileName(file), file);
            }
        }

        plan.Texts.Add("model_index.json", ModelIndex.Pipeline(
            [.. source.Models.Select(model => model.Kind)],
            scheduler is null
                ? ModelIndex.DefaultScheduler
                : ConfigJson.Read(scheduler).Text("_class_name", ModelIndex.DefaultScheduler),
            hasTokenizer: tokenizer is not null));
    }
}
