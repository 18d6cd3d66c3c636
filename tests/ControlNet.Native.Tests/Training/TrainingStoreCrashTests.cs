using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Training;
using Xunit;

namespace ControlNet.Native.Tests.Training;

/// <summary>Kills, damage and full disks.</summary>
public sealed class TrainingStoreCrashTests : IDisposable
{
    private readonly ScratchFolder _scratch = new();

    public void Dispose() => _scratch.Dispose();

    /// <summary>
    /// A run of saves is killed at each thing it does to the disk, one after another; each time the newest checkpoint
    /// that was finished, or one newer, is opened whole, nothing else is left, and training goes on.
    /// </summary>
    /// <param name="again">Whether the last save replaces the one before it.</param>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_kill_at_any_moment_leaves_a_whole_checkpoint(bool again)
    {
        long[] steps = again ? [1, 1, 1] : [1, 2, 3, 4];
        int kills = 0, lost = 0;
        for (int diesAt = 1; ; diesAt++)
        {
            string folder = _scratch.Path($"run{diesAt}", "x")[..^2];
            long finished = 0;
            bool killed = false;
            try
            {
                using TrainingStore dying = TrainingStore.Open(folder, 2, new InterruptedDisk(diesAt));
                foreach (long step in steps)
                {
                    dying.Save(SampleState.Make(step));
                    finished = step;
                }
            }
            catch (KilledException)
            {
                killed = true;
                kills++;
            }

            using TrainingStore store = TrainingStore.Open(folder, 2, new InterruptedDisk(int.MaxValue));
            using (TrainingCheckpoint? latest = store.OpenLatest(
                SampleState.Architecture, out IReadOnlyList<string> said))
            {
                Assert.Empty(said);
                long found = latest?.Step ?? 0;
                Assert.InRange(found, finished, finished + 1);
                lost += finished > 0 && found == finished && killed ? 1 : 0;
                if (latest is not null)
                {
                    SampleState.AssertHolds(latest, found);
                }
            }

            Assert.All(
                Directory.GetFileSystemEntries(Path.Combine(folder, "checkpoints")),
                path => Assert.Matches(@"step-\d{8}$", path));
            store.Save(SampleState.Make(50));
            Assert.Equal(50, store.Steps[0]);
            if (!killed)
            {
                break;
            }
        }

        // Four files of several writes each, flushes, renames: were the disk not watched, there would be few.
        Assert.InRange(kills, 100, 1000);
        Assert.True(lost > 50);
    }

    /// <summary>Every file, damaged in several ways and places: found each time, and the previous one used.</summary>
    [Theory]
    [InlineData("weights.safetensors")]
    [InlineData("adamw.m.safetensors")]
    [InlineData("ema.safetensors")]
    [InlineData("state.json")]
    public void Damage_is_found_and_the_previous_checkpoint_used(string name)
    {
        SampleState.Save(_scratch.Root, 1, 2);
        string path = _scratch.Path("checkpoints", "step-00000002", name);
        byte[] whole = File.ReadAllBytes(path);
        Random random = new(11);
        List<byte[]> damaged = [[], whole[..1], whole[..^1], [.. whole, 0], new byte[whole.Length]];
        for (int i = 0; i < 250; i++)
        {
            byte[] flipped = [.. whole];
            flipped[i < 120 ? i : random.Next(whole.Length)] ^= (byte)(1 << random.Next(8));
            damaged.Add(flipped);
        }

        using TrainingStore store = TrainingStore.Open(_scratch.Root);
        foreach (byte[] bytes in damaged)
        {
            File.WriteAllBytes(path, bytes);
            using TrainingCheckpoint? latest = store.OpenLatest(
                SampleState.Architecture, out IReadOnlyList<string> said);
            Assert.Equal(1, latest!.Step);
            Assert.StartsWith(
                $"step-00000002 is not used: {path}: has ", Assert.Single(said), StringComparison.Ordinal);
        }

        File.WriteAllBytes(path, whole);
        using TrainingCheckpoint? restored = store.OpenLatest(SampleState.Architecture, out _);
        SampleState.AssertHolds(restored!, 2);
    }

    [Fact]
    public void Messages_name_file_found_and_expected()
    {
        SampleState.Save(_scratch.Root, 1, 2);
        string folder = _scratch.Path("checkpoints", "step-00000002", "x")[..^2];
        string weights = Path.Combine(folder, "weights.safetensors"), state = Path.Combine(folder, "state.json");
        byte[] whole = File.ReadAllBytes(weights), values = File.ReadAllBytes(state);

        File.WriteAllBytes(weights, whole[..^3]);
        Assert.Equal(
            $"step-00000002 is not used: {weights}: has {whole.Length - 3} bytes, expected {whole.Length}", Said());
        whole[^1] ^= 1;
        File.WriteAllBytes(weights, whole);
        Assert.Matches("weights.safetensors: has SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}$", Said());
        File.Delete(weights);
        Assert.Equal(
            $"step-00000002 is not used: {weights}: is missing, expected {whole.Length} bytes", Said());
        File.WriteAllText(state, "{}");
        Assert.Equal(
            $"step-00000002 is not used: {state}: has 2 bytes that do not have the form of a state file", Said());
        values[200] ^= 1;
        File.WriteAllBytes(state, values);
        Assert.Matches("state.json: has SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}$", Said());
        File.Delete(state);
        Assert.Equal($"step-00000002 is not used: {state}: is missing", Said());
        Directory.Delete(folder, recursive: true);
        Directory.Move(_scratch.Path("checkpoints", "step-00000001", "x")[..^2], folder);
        using TrainingStore store = TrainingStore.Open(_scratch.Root);
        Assert.Contains(
            "is of step 1, its folder's name says 2; it was renamed or copied",
            Assert.Throws<TrainingStateException>(() => store.OpenLatest(SampleState.Architecture, out _)).Message,
            StringComparison.Ordinal);
    }

    /// <summary>Whatever is left of a save or a removal is gone after opening, and a replaced step is back.</summary>
    [Fact]
    public void Leftovers_of_a_crash_are_cleaned_up()
    {
        SampleState.Save(_scratch.Root, 1, 2);
        string checkpoints = _scratch.Path("checkpoints", "x")[..^2];
        _scratch.Path("checkpoints", "step-00000003.partial", "x");
        File.WriteAllText(_scratch.Path("checkpoints", "step-00000003.partial", "weights.safetensors"), "half");
        File.WriteAllText(_scratch.Path("checkpoints", "step-00000000.deleted", "ema.safetensors"), "half");
        File.WriteAllText(_scratch.Path("checkpoints", "step-00000001.replaced", "state.json"), "old");
        Directory.Move(Path.Combine(checkpoints, "step-00000002"), Path.Combine(checkpoints, "step-00000002.replaced"));

        using TrainingStore store = TrainingStore.Open(_scratch.Root);

        Assert.Equal(
            ["step-00000001", "step-00000002"],
            Directory.GetFileSystemEntries(checkpoints).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        using TrainingCheckpoint? latest = store.OpenLatest(SampleState.Architecture, out _);
        SampleState.AssertHolds(latest!, 2);
    }

    /// <summary>The disk fills up at every byte of a save.</summary>
    [Fact]
    public void A_full_disk_leaves_the_checkpoints_before_as_they_were()
    {
        SampleState.Save(_scratch.Root, 1, 2);
        string[] before = Directory.GetFileSystemEntries(_scratch.Root, "*", SearchOption.AllDirectories);
        string folder = _scratch.Path("checkpoints", "step-00000003", "x")[..^2];
        Directory.Delete(folder);
        for (long room = 0; ; room += 37)
        {
            using TrainingStore store = TrainingStore.Open(_scratch.Root, 2, new SmallDisk(room));
            if (room > 8000)
            {
                store.Save(SampleState.Make(3));
                break;
            }

            TrainingStateException full = Assert.Throws<TrainingStateException>(() => store.Save(SampleState.Make(3)));
            Assert.StartsWith(
                $"{folder}: cannot be saved (No space left on device); it needs {full.NeededBytes} bytes, ",
                full.Message, StringComparison.Ordinal);
            Assert.EndsWith(
                " are free: free space, then resume; step-00000002 is as it was", full.Message,
                StringComparison.Ordinal);
            Assert.Equal(before, Directory.GetFileSystemEntries(_scratch.Root, "*", SearchOption.AllDirectories));
            if (room + 37 > full.NeededBytes)
            {
                room = 8000;
            }
        }

        using TrainingStore last = TrainingStore.Open(_scratch.Root);
        using TrainingCheckpoint? latest = last.OpenLatest(SampleState.Architecture, out _);
        SampleState.AssertHolds(latest!, 3);
    }

    [Fact]
    public void A_full_disk_while_a_step_is_saved_again_keeps_the_old_one()
    {
        SampleState.Save(_scratch.Root, 2);
        using (TrainingStore store = TrainingStore.Open(_scratch.Root, 2, new SmallDisk(100)))
        {
            Assert.Throws<TrainingStateException>(() => store.Save(SampleState.Make(2)));
        }

        using TrainingStore again = TrainingStore.Open(_scratch.Root);
        using TrainingCheckpoint? latest = again.OpenLatest(SampleState.Architecture, out IReadOnlyList<string> said);
        Assert.Empty(said);
        SampleState.AssertHolds(latest!, 2);
    }

    [Fact]
    public void On_Linux_a_folder_is_flushed_and_a_missing_one_is_not() =>
        Assert.Equal(
            (OperatingSystem.IsLinux(), false),
            (FolderSync.Flush(_scratch.Root), FolderSync.Flush(Path.Combine(_scratch.Root, "none"))));

    private string Said()
    {
        using TrainingStore store = TrainingStore.Open(_scratch.Root);
        using TrainingCheckpoint? latest = store.OpenLatest(SampleState.Architecture, out IReadOnlyList<string> said);
        Assert.Equal(1, latest!.Step);
        return Assert.Single(said);
    }
}
