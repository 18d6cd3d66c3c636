using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ControlNet.Native.Messages;

namespace ControlNet.Native.Weights;

/// <summary>
/// An open LoRA: low-rank changes of the layers of a UNet, a text encoder or a ControlNet. Opening reads names, shapes
/// and strengths only; the factors are read when it is applied or merged, for which it must stay open. Networks it was
/// applied to keep it when it is closed.
/// </summary>
public sealed class Lora : IDisposable
{
    private static readonly string[] s_fileNames =
        ["pytorch_lora_weights.safetensors", "adapter_model.safetensors"];

    private readonly TensorFiles _files;

    private Lora(string source, string name, TensorFiles files, string? folder)
    {
        (Source, Name, _files) = (source, name, files);
        try
        {
            LoraFile.Contents contents = LoraFile.Read(source, files.Tensors, new LoraAlphas(files, folder));
            (Pairs, Leftovers, Layout) = (contents.Pairs, contents.Leftovers, contents.Layout);
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    /// <summary>The path, or the name given with the stream or memory.</summary>
    public string Source { get; }

    /// <summary>What people call it: its file without path and extension, or its folder without path.</summary>
    public string Name { get; }

    /// <summary>Whose names its tensors bear.</summary>
    public LoraLayout Layout { get; }

    /// <summary>The changes it holds, sorted by name.</summary>
    public IReadOnlyList<LoraPair> Pairs { get; }

    /// <summary>What is in the file and can be applied to no network: other kinds of adapters, lone factors.</summary>
    public IReadOnlyList<LoraLeftover> Leftovers { get; }

    /// <summary>Modules in all, those that cannot be applied included.</summary>
    public int ModuleCount => Pairs.Count + Leftovers.Count;

    /// <summary>The ranks that occur, ascending.</summary>
    public IReadOnlyList<int> Ranks => [.. Pairs.Select(pair => pair.Rank).Distinct().Order()];

    /// <summary>Free text of the file, such as what a trainer notes; empty when there is none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _files.Metadata;

    /// <summary>Whether a file is a LoRA, by the names in its header.</summary>
    /// <returns>False also for what is no file or cannot be read.</returns>
    public static bool IsLora(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!File.Exists(path))
        {
            return false;
        }

        try
        {
            using SafeTensorsFile file = SafeTensorsFile.Open(path);
            return file.Entries.Keys.Any(name => LoraTensorName.Parse(name).Role is LoraRole.Down or LoraRole.Up);
        }
        catch (SafeTensorsException)
        {
            return false;
        }
    }

    /// <summary>Opens a LoRA.</summary>
    /// <param name="path">
    /// A <c>.safetensors</c> file, or a folder with <c>pytorch_lora_weights.safetensors</c> (diffusers) or
    /// <c>adapter_model.safetensors</c> (PEFT) in it.
    /// </param>
    /// <exception cref="SafeTensorsException">The file is missing, damaged or of another format.</exception>
    /// <exception cref="CheckpointException">It is no LoRA, or one of another family of models.</exception>
    public static Lora Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string file = path;
        if (Directory.Exists(path))
        {
            file = s_fileNames.Select(name => Path.Combine(path, name)).FirstOrDefault(File.Exists)
                ?? throw LoraFile.Refused(
                    path, $"has no {string.Join(" or ", s_fileNames)} in it; name the LoRA's .safetensors file");
        }

        string? folder = Path.GetDirectoryName(Path.GetFullPath(file));
        return new Lora(path, Checkpoint.NameOf(path), TensorFiles.Single(SafeTensorsFile.Open(file)), folder);
    }

    /// <summary>Opens a LoRA that comes as a stream.</summary>
    /// <param name="stream">The file's bytes, from the current position on; read in full when it cannot seek.</param>
    /// <param name="leaveOpen">Whether <see cref="Dispose"/> leaves the stream open.</param>
    /// <param name="name">What messages and image parameters call it.</param>
    /// <exception cref="SafeTensorsException">It is damaged or of another format.</exception>
    /// <exception cref="CheckpointException">It is no LoRA, or one of another family of models.</exception>
    public static Lora Open(Stream stream, bool leaveOpen = false, string name = "stream") =>
        new(name, name, TensorFiles.Single(SafeTensorsFile.Open(stream, leaveOpen, name)), null);

    /// <summary>Opens a LoRA that is in memory. The memory is not copied and must not change.</summary>
    /// <param name="bytes">The file's bytes.</param>
    /// <param name="name">What messages and image parameters call it.</param>
    /// <exception cref="SafeTensorsException">It is damaged or of another format.</exception>
    /// <exception cref="CheckpointException">It is no LoRA, or one of another family of models.</exception>
    public static Lora Open(ReadOnlyMemory<byte> bytes, string name = "memory") =>
        new(name, name, TensorFiles.Single(SafeTensorsFile.Open(bytes, name)), null);

    /// <summary>Closes the file. What it was applied to is not affected.</summary>
    public void Dispose() => _files.Dispose();

    /// <summary>What messages call it.</summary>
    internal string Title => MessageText.Name(Source);
}
