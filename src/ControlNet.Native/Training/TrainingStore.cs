using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;

namespace ControlNet.Native.Training;

/// <summary>
/// The checkpoints of one training run, safe against crashes: at any moment, also while one is saved, the newest whole
/// checkpoint can be opened.
/// </summary>
/// <remarks>
/// <para><c>FOLDER/checkpoints/step-00001200/</c> holds one safetensors file for each group of tensors and
/// <c>state.json</c> with the values and the length and SHA-256 of every other file. A checkpoint is written to
/// <c>step-00001200.partial</c>, each file flushed to the disk, the folder renamed, read back and held against its
/// checksums, and only then are the oldest ones removed.</para>
/// <para>A store holds its folder against other trainers until it is disposed. It serves one thread at a time.</para>
/// </remarks>
public sealed partial class TrainingStore : IDisposable
{
    /// <summary>The fewest checkpoints kept: a damaged newest one must have one before it.</summary>
    public const int FewestKept = 2;

    private const string CheckpointsName = "checkpoints";
    private const string StepPrefix = "step-";

    // Being written; never a checkpoint yet.
    private const string Partial = ".partial";

    // Being removed; no checkpoint any more.
    private const string Deleted = ".deleted";

    // Of a step that is saved again; the checkpoint of that step until the new one has its name.
    private const string Replaced = ".replaced";

    private readonly StoreDisk _disk;
    private readonly int _keep;
    private readonly FolderLock _lock;
    private readonly HashSet<long> _unusable = [];

    private TrainingStore(string folder, int keep, StoreDisk disk)
    {
        (Folder, _keep, _disk) = (folder, keep, disk);
        _lock = FolderLock.Take(folder);
        try
        {
            _disk.CreateFolder(Checkpoints);
            _disk.SyncFolder(folder);
            CleanUp();
        }
        catch (Exception e)
        {
            _lock.Dispose();
            if (e is IOException or UnauthorizedAccessException)
            {
                throw new TrainingStateException(
                    $"{folder}: what a stopped run left there cannot be cleaned up ({e.Message}); check the rights", e);
            }

            throw;
        }
    }

    /// <summary>The folder of the training run.</summary>
    public string Folder { get; }

    /// <summary>Steps of which there is a checkpoint, whole or damaged, the newest first.</summary>
    public IReadOnlyList<long> Steps =>
    [
        .. Directory.EnumerateDirectories(Checkpoints, StepPrefix + "*")
            .Select(path => StepOf(Path.GetFileName(path)))
            .OfType<long>()
            .OrderDescending(),
    ];

    private string Checkpoints => Path.Combine(Folder, CheckpointsName);

    /// <summary>
    /// Opens the store of a folder, which is made when it does not exist, and removes what a run that was stopped in
    /// the middle of a save left behind.
    /// </summary>
    /// <param name="folder">The folder of the training run.</param>
    /// <param name="keep">Checkpoints kept, from <see cref="FewestKept"/>.</param>
    /// <exception cref="TrainingStateException">Another trainer has the folder, or it cannot be written.</exception>
    public static TrainingStore Open(string folder, int keep = FewestKept) => Open(folder, keep, new StoreDisk());

    internal static TrainingStore Open(string folder, int keep, StoreDisk disk)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentOutOfRangeException.ThrowIfLessThan(keep, FewestKept);
        return new TrainingStore(folder, keep, disk);
    }

    /// <summary>Opens the newest whole checkpoint.</summary>
    /// <param name="architecture">What is to be trained; a checkpoint of anything else is not used.</param>
    /// <param name="messages">Which newer checkpoints were not used, and why: file, found, expected.</param>
    /// <returns>
    /// The checkpoint, to be disposed before the next <see cref="Save"/>; null when the folder has none at all.
    /// </returns>
    /// <exception cref="TrainingStateException">There are checkpoints, and none of them can be used.</exception>
    public TrainingCheckpoint? OpenLatest(string architecture, out IReadOnlyList<string> messages)
    {
        ArgumentException.ThrowIfNullOrEmpty(architecture);
        List<string> found = [];
        messages = found;
        foreach (long step in Steps)
        {
            try
            {
                TrainingCheckpoint checkpoint = TrainingCheckpoint.Open(FolderOf(step), step);
                if (checkpoint.Architecture == architecture)
                {
                    return checkpoint;
                }

                checkpoint.Dispose();
                found.Add(
                    $"{Name(step)} is of another architecture: '{checkpoint.Architecture}', '{architecture}' is " +
                    "wanted");
            }
            catch (TrainingStateException e)
            {
                found.Add($"{Name(step)} is not used: {e.Message}");
            }

            _unusable.Add(step);
        }

        return found.Count == 0 ? null : throw new TrainingStateException(
            $"{Checkpoints}: none of {found.Count} checkpoints can be used; begin anew in another folder. " +
            string.Join("; ", found));
    }

    /// <summary>Gives the folder back to other trainers.</summary>
    public void Dispose() => _lock.Dispose();

    private static string Name(long step) =>
        string.Create(CultureInfo.InvariantCulture, $"{StepPrefix}{step:D8}");

    /// <summary>The step of a folder's name; null when it is not exactly the name of a checkpoint.</summary>
    private static long? StepOf(string name) =>
        name.StartsWith(StepPrefix, StringComparison.Ordinal)
        && long.TryParse(name.AsSpan(StepPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out long step)
        && Name(step) == name
            ? step
            : null;

    private string FolderOf(long step) => Path.Combine(Checkpoints, Name(step));

    private void CleanUp()
    {
        foreach (string path in Directory.GetDirectories(Checkpoints, StepPrefix + "*" + Replaced))
        {
            string original = path[..^Replaced.Length];
            if (Directory.Exists(original))
            {
                _disk.DeleteFolder(path);
            }
            else
            {
                _disk.MoveFolder(path, original);
            }
        }

        foreach (string suffix in (ReadOnlySpan<string>)[Partial, Deleted])
        {
            foreach (string path in Directory.GetDirectories(Checkpoints, StepPrefix + "*" + suffix))
            {
                _disk.DeleteFolder(path);
            }
        }

        _disk.SyncFolder(Checkpoints);
    }
}
