using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ControlNet.Native.Tensors;

namespace ControlNet.Native.Weights;

/// <summary>
/// Writes a checkpoint in another layout or another type: diffusers' folders and the single files of the authors' code,
/// there and back without a bit lost. Tensors pass one at a time; the output appears whole, or not at all.
/// </summary>
public static class CheckpointConverter
{
    /// <summary>Converts.</summary>
    /// <param name="input">A folder or file, as <see cref="Checkpoint"/> opens it.</param>
    /// <param name="output">
    /// What to write: the original layout in one file where the name ends in <c>.safetensors</c>, else a folder as
    /// diffusers has it.
    /// </param>
    /// <param name="options">What to do beside; null for nothing.</param>
    /// <param name="progress">Told after every tensor, on this thread.</param>
    /// <param name="cancellation">Ends it within milliseconds; nothing is left.</param>
    /// <exception cref="ConversionException">The output or the options are in the way.</exception>
    /// <exception cref="CheckpointException">The input does not hold what is asked for.</exception>
    /// <exception cref="SafeTensorsException">A file is damaged, or the disk refused.</exception>
    public static ConvertReport Convert(
        string input, string output, ConvertOptions? options = null, IProgress<LoadProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(input);
        ArgumentException.ThrowIfNullOrEmpty(output);
        options ??= new ConvertOptions();
        Check(options);
        IEnumerable<string?> inputs = [
            input, options.TransferFrom, options.TransferTo, .. options.Loras.Select(use => use.Lora.Source),
        ];
        OutputPlace place = new(output, options.Overwrite, inputs.OfType<string>());
        using Checkpoint checkpoint = Checkpoint.Open(input, options.Source);
        ConversionSource source = new(checkpoint, KindOf(options));
        using SafeTensorsFile? originalOnly =
            source.OriginalOnlyPath() is string path ? SafeTensorsFile.Open(path) : null;
        using BaseTransfer? transfer = options.TransferTo is null
            ? null
            : BaseTransfer.Open(source.Alone!.Weights, options.TransferFrom!, options.TransferTo);
        ConversionPlan plan = place.IsFile
            ? OriginalLayout.Plan(source, originalOnly)
            : DiffusersLayout.Plan(source, options.Tokenizer);
        LoraMerge? loras = options.Loras.Count == 0
            ? null
            : LoraMerge.Into(checkpoint, options.Loras, options.LorasMustApply);
        List<IWeightChange> changes = [];
        changes.AddRange(transfer is null ? [] : [transfer]);
        changes.AddRange(loras is null ? [] : [new LoraChange(loras)]);
        TensorStream stream = new(options.Type, changes, cancellation);
        long bytes = Write(plan, place, stream, progress, cancellation);
        return new ConvertReport
        {
            Output = place.Path,
            Tensors = plan.Files.Sum(file => file.Tensors.Count),
            Bytes = bytes,
            ElementTypes = plan.Files.SelectMany(file => file.Tensors).CountBy(stream.TypeOf).ToDictionary(),
            LeftOut = [.. plan.LeftOut.Distinct().Order(StringComparer.Ordinal)],
            Loras = loras?.Reports ?? [],
            LacksTokenizer = plan.LacksTokenizer,
            PredictionIsAssumed = source.Unet is not null && checkpoint.Report().PredictionIsAssumed,
        };
    }

    private static long Write(
        ConversionPlan plan, OutputPlace place, TensorStream stream, IProgress<LoadProgress>? progress,
        CancellationToken cancellation)
    {
        (PlannedFile File, SafeTensorsItem[] Items)[] files =
            [.. plan.Files.Select(file => (file, Array.ConvertAll([.. file.Tensors], Item)))];
        long bytes = files.Sum(file => SafeTensorsWriter.FileBytes(file.Items));
        place.RequireSpace(bytes);
        long done = 0, total = files.Sum(file => file.File.Tensors.Sum(BytesOf));
        if (place.IsFile)
        {
            WriteTensors(files[0].File, files[0].Items, place.Path);
            return bytes;
        }

        place.WriteFolder(folder =>
        {
            foreach ((PlannedFile file, SafeTensorsItem[] items) in files)
            {
                WriteTensors(file, items, In(folder, file.Path));
            }

            foreach ((string path, string text) in plan.Texts)
            {
                File.WriteAllText(In(folder, path), text);
            }

            foreach ((string path, string from) in plan.Copies)
            {
                cancellation.ThrowIfCancellationRequested();
                File.Copy(from, In(folder, path));
            }
        });
        return bytes;

        SafeTensorsItem Item(PlannedTensor tensor) =>
            new(tensor.Name, stream.TypeOf(tensor), tensor.Shape, () => stream.Bytes(tensor));

        long BytesOf(PlannedTensor tensor) => tensor.Count * SafeTensorsTypes.Bits(stream.TypeOf(tensor)) / 8;

        void WriteTensors(PlannedFile file, SafeTensorsItem[] items, string path) => SafeTensorsWriter.Write(
            path,
            items.Select(item => item with
            {
                Bytes = () =>
                {
                    ReadOnlyMemory<byte> elements = item.Bytes();
                    done += elements.Length;
                    progress?.Report(new LoadProgress(file.Component, done, total));
                    return elements;
                },
            }),
            file.Metadata);
    }

    private static string In(string folder, string path)
    {
        string full = Path.Combine([folder, .. path.Split('/')]);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        return full;
    }

    private static void Check(ConvertOptions options)
    {
        if (options.Type is not (null or DType.F32 or DType.F16 or DType.BF16))
        {
            throw new ConversionException($"the type is {options.Type}, but must be F32, F16 or BF16");
        }

        if (options.TransferFrom is null != options.TransferTo is null)
        {
            throw new ConversionException("a transfer needs both bases, the old and the new one; name the other");
        }

        if (options.TransferTo is not null && options.Only is not (null or ModelPart.ControlNet))
        {
            throw new ConversionException("a transfer writes the ControlNet alone; leave the other part out");
        }
    }

    private static ModelKind? KindOf(ConvertOptions options) => options.TransferTo is not null
        ? ModelKind.ControlNet
        : options.Only switch
        {
            ModelPart.Unet => ModelKind.Unet,
            ModelPart.Vae => ModelKind.Vae,
            ModelPart.TextEncoder => ModelKind.Text,
            ModelPart.ControlNet => ModelKind.ControlNet,
            null => null,
            ModelPart other => throw new ConversionException($"there is no part {(int)other}"),
        };
}
