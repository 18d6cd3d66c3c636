using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ControlNet.Native.Weights;

namespace ControlNet.Native.Training;

/// <content>Writing a checkpoint and removing old ones.</content>
public sealed partial class TrainingStore
{
    /// <summary>
    /// Saves a checkpoint. Tensors are written one after another through one buffer of the size of the largest. After a
    /// failure nothing of the new checkpoint is left and those before are as they were.
    /// </summary>
    /// <param name="state">What to save; a checkpoint of the same step is replaced.</param>
    /// <exception cref="TrainingStateException">The disk is full or refuses, or did not keep what was
    /// written.</exception>
    /// <exception cref="SafeTensorsException">A tensor does not hold the bytes its shape needs.</exception>
    public void Save(TrainingState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        long neededBytes = state.Groups.Sum(group => SafeTensorsWriter.FileBytes(group.Items));
        string target = FolderOf(state.Step), partial = target + Partial;
        try
        {
            WritePartial(state, partial);
            PutInPlace(partial, target);
        }
        catch (Exception e)
        {
            bool removed = TryDelete(partial);
            RestoreReplaced(target);
            if (e is IOException or UnauthorizedAccessException or NotSupportedException)
            {
                throw NotSaved(e, target, neededBytes, removed);
            }

            throw;
        }

        // A disk that loses bytes must not cost the checkpoints that were good.
        _unusable.Add(state.Step);
        TrainingCheckpoint.Open(target, state.Step).Dispose();
        _unusable.Remove(state.Step);
        Prune(state.Step);
    }

    private void WritePartial(TrainingState state, string partial)
    {
        if (Directory.Exists(partial))
        {
            _disk.DeleteFolder(partial);
        }

        _disk.CreateFolder(partial);
        List<CheckpointFile> files = [];
        foreach (StateGroup group in state.Groups)
        {
            using Stream file = _disk.CreateFile(Path.Combine(partial, group.Name + ".safetensors"));
            using ChecksumStream checksum = new(file);
            SafeTensorsWriter.Write(checksum, group.Items);
            _disk.FlushFile(file);
            files.Add(new CheckpointFile(group.Name, checksum.Length, checksum.Checksum()));
        }

        CheckpointManifest manifest = new(state.Step, state.Architecture, state.Values, files);
        using Stream last = _disk.CreateFile(Path.Combine(partial, CheckpointManifest.FileName));
        last.Write(manifest.ToBytes());
        _disk.FlushFile(last);
        _disk.SyncFolder(partial);
    }

    private void PutInPlace(string partial, string target)
    {
        string replaced = target + Replaced;
        bool replaces = Directory.Exists(target);
        if (replaces)
        {
            if (Directory.Exists(replaced))
            {
                _disk.DeleteFolder(replaced);
            }

            _disk.MoveFolder(target, replaced);
        }

        _disk.MoveFolder(partial, target);
        _disk.SyncFolder(Checkpoints);
        if (replaces)
        {
            TryDelete(replaced);
        }
    }

    /// <summary>
    /// Removes what is older than the newest checkpoints. One that could not be used does not count as kept and is
    /// left alone.
    /// </summary>
    private void Prune(long saved)
    {
        long[] old = [.. Steps.Where(step => !_unusable.Contains(step) && step != saved).Skip(_keep - 1)];
        foreach (long step in old.Order())
        {
            string deleted = FolderOf(step) + Deleted;
            try
            {
                _disk.MoveFolder(FolderOf(step), deleted);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // One checkpoint too many; the next save tries again.
                continue;
            }

            TryDelete(deleted);
        }
    }

    private void RestoreReplaced(string target)
    {
        try
        {
            if (!Directory.Exists(target) && Directory.Exists(target + Replaced))
            {
                _disk.MoveFolder(target + Replaced, target);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Opening the store again does it.
        }
    }

    /// <summary>What cannot be removed now is removed when the store is opened again.</summary>
    private bool TryDelete(string path)
    {
        try
        {
            if (Directory.Exists(path))
            {
                _disk.DeleteFolder(path);
            }

            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private TrainingStateException NotSaved(Exception e, string target, long neededBytes, bool removed)
    {
        string before = Steps.Where(step => !_unusable.Contains(step)).Cast<long?>().FirstOrDefault() is long step
            ? $"{Name(step)} is as it was"
            : "there is no checkpoint before it";
        string left = removed ? string.Empty : $"; a part of it is left in {target}{Partial}";
        return new TrainingStateException(
            $"{target}: cannot be saved ({e.Message}); it needs {neededBytes} bytes{FreeText()}: free space, then " +
            $"resume; {before}{left}", e)
        {
            NeededBytes = neededBytes,
        };
    }

    private string FreeText()
    {
        try
        {
            return $", {new DriveInfo(Path.GetFullPath(Checkpoints)).AvailableFreeSpace} are free";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return string.Empty;
        }
    }
}
