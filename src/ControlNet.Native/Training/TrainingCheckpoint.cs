using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using ControlNet.Native.Messages;
using ControlNet.Native.Tensors;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Training;

/// <summary>
/// A checkpoint on the disk whose every file was held against its checksum. Tensors are read when asked for; nothing of
/// them is in memory before.
/// </summary>
public sealed class TrainingCheckpoint : IDisposable
{
    private readonly CheckpointManifest _manifest;
    private readonly Dictionary<string, SafeTensorsFile> _open = new(StringComparer.Ordinal);

    private TrainingCheckpoint(string folder, CheckpointManifest manifest)
    {
        (Folder, _manifest) = (folder, manifest);
    }

    /// <summary>The folder it lies in.</summary>
    public string Folder { get; }

    /// <summary>Optimiser steps done when it was saved.</summary>
    public long Step => _manifest.Step;

    /// <summary>What was trained.</summary>
    public string Architecture => _manifest.Architecture;

    /// <summary>Everything that is not a tensor.</summary>
    public StateValues Values => _manifest.Values;

    /// <summary>Names of the groups of tensors, in the order they were saved.</summary>
    public IReadOnlyList<string> Groups => [.. _manifest.Files.Select(file => file.Group)];

    /// <summary>The file of a group; the checkpoint closes it.</summary>
    /// <exception cref="TrainingStateException">There is no such group.</exception>
    /// <exception cref="SafeTensorsException">The file cannot be opened any more.</exception>
    public SafeTensorsFile Group(string name)
    {
        if (!_open.TryGetValue(name, out SafeTensorsFile? file))
        {
            CheckpointFile listed = _manifest.Files.FirstOrDefault(candidate => candidate.Group == name)
                ?? throw new TrainingStateException(
                    $"{Folder}: has no group of tensors '{MessageText.Name(name)}', only " +
                    $"{string.Join(", ", Groups)}; it was saved by another version or with other settings");
            file = SafeTensorsFile.Open(Path.Combine(Folder, listed.Name));
            _open.Add(name, file);
        }

        return file;
    }

    /// <summary>Reads a tensor straight into the memory of a device.</summary>
    /// <param name="device">Where it goes.</param>
    /// <param name="group">Its group.</param>
    /// <param name="name">Its name.</param>
    /// <param name="shape">The shape it must have.</param>
    /// <param name="type">The type it must have.</param>
    /// <returns>A tensor that belongs to the scope it is read in.</returns>
    /// <exception cref="TrainingStateException">There is no such tensor, or it has another shape or type.</exception>
    /// <exception cref="SafeTensorsException">The file cannot be read any more.</exception>
    public Tensor Load(Device device, string group, string name, Shape shape, DType type = DType.F32)
    {
        SafeTensorsFile file = Group(group);
        string shown = $"{file.Name}: tensor '{MessageText.Name(name)}'";
        if (!file.Entries.TryGetValue(name, out SafeTensorsEntry? entry))
        {
            throw new TrainingStateException($"{shown} is missing; it was saved with other settings");
        }

        bool fits = entry.DType == type.Name() && entry.Shape.Count == shape.Rank
            && Enumerable.Range(0, shape.Rank).All(axis => entry.Shape[axis] == shape[axis]);
        return fits
            ? Tensor.Create(device, shape, type, bytes => file.Read(name, 0, bytes))
            : throw new TrainingStateException(
                $"{shown} is {entry.DType} {entry.ShapeText}, {type.Name()} {shape} is wanted; it was saved with " +
                "other settings");
    }

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        foreach (SafeTensorsFile file in _open.Values)
        {
            file.Dispose();
        }

        _open.Clear();
    }

    /// <summary>Opens the checkpoint of a folder and holds every file against its checksum.</summary>
    /// <param name="folder">Its folder.</param>
    /// <param name="step">The step that the folder's name tells.</param>
    /// <exception cref="TrainingStateException">Something is missing, damaged or cannot be read.</exception>
    internal static TrainingCheckpoint Open(string folder, long step)
    {
        string state = Path.Combine(folder, CheckpointManifest.FileName);
        CheckpointManifest manifest = CheckpointManifest.Read(state);
        if (manifest.Step != step)
        {
            throw new TrainingStateException(
                $"{state}: is of step {manifest.Step}, its folder's name says {step}; it was renamed or copied");
        }

        foreach (CheckpointFile file in manifest.Files)
        {
            Prove(Path.Combine(folder, file.Name), file);
        }

        return new TrainingCheckpoint(folder, manifest);
    }

    private static void Prove(string path, CheckpointFile expected)
    {
        try
        {
            using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 20);
            if (stream.Length != expected.Bytes)
            {
                throw new TrainingStateException($"{path}: has {stream.Length} bytes, expected {expected.Bytes}");
            }

            string found = Convert.ToHexStringLower(SHA256.HashData(stream));
            if (found != expected.Sha256)
            {
                throw new TrainingStateException($"{path}: has SHA-256 {found}, expected {expected.Sha256}");
            }
        }
        catch (FileNotFoundException e)
        {
            throw new TrainingStateException($"{path}: is missing, expected {expected.Bytes} bytes", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TrainingStateException($"{path}: cannot be read ({e.Message})", e);
        }
    }
}
