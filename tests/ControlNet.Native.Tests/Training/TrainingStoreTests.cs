using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using ControlNet.Native.Training;
using ControlNet.Native.Weights;
using Xunit;

namespace ControlNet.Native.Tests.Training;

public sealed class TrainingStoreTests : IDisposable
{
    private readonly ScratchFolder _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void What_is_saved_is_opened_bit_for_bit()
    {
        SampleState.Save(_scratch.Root, 100, 200);
        using TrainingStore store = TrainingStore.Open(_scratch.Root);

        using TrainingCheckpoint? latest = store.OpenLatest(SampleState.Architecture, out IReadOnlyList<string> said);

        Assert.Empty(said);
        SampleState.AssertHolds(latest!, 200);
        Assert.Equal(Path.Combine(_scratch.Root, "checkpoints", "step-00000200"), latest!.Folder);
        string[] files =
            ["adamw.m.safetensors", "adamw.v.safetensors", "ema.safetensors", "state.json", "weights.safetensors"];
        Assert.Equal(
            files, Directory.GetFiles(latest.Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_folder_without_checkpoints_has_no_latest()
    {
        using TrainingStore store = TrainingStore.Open(_scratch.Root);
        Assert.Null(store.OpenLatest(SampleState.Architecture, out IReadOnlyList<string> said));
        Assert.Empty(said);
        Assert.Empty(store.Steps);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void The_newest_are_kept(int keep)
    {
        using TrainingStore store = TrainingStore.Open(_scratch.Root, keep);
        long[] steps = [9, 99_999_999, 100_000_000, 123_456_789_012];
        foreach (long step in steps)
        {
            store.Save(SampleState.Make(step));
        }

        Assert.Equal(steps.Reverse().Take(keep), store.Steps);
        Assert.Equal(keep, Directory.GetFileSystemEntries(_scratch.Path("checkpoints")).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => TrainingStore.Open(_scratch.Path("other"), keep: 1));
    }

    [Fact]
    public void A_step_can_be_saved_again()
    {
        using TrainingStore store = TrainingStore.Open(_scratch.Root);
        TrainingState first = SampleState.Make(5);
        first.Values.Set("extra", true);
        store.Save(first);
        store.Save(SampleState.Make(5));
        using TrainingCheckpoint? latest = store.OpenLatest(SampleState.Architecture, out _);
        SampleState.AssertHolds(latest!, 5);
        Assert.Single(Directory.GetFileSystemEntries(_scratch.Path("checkpoints")));
    }

    [Fact]
    public void Tensors_of_a_device_are_saved_and_loaded_with_their_type()
    {
        using Device device = Devices.Cpu(threads: 1);
        using (TensorScope scope = TensorScope.Enter())
        {
            Tensor weight = Tensor.From(device, new Shape(2, 3), [1f, -2f, 3.5f, 0f, float.Epsilon, 6f]);
            Tensor half = Ops.Cast(weight, DType.BF16);
            using TrainingStore store = TrainingStore.Open(_scratch.Root);
            TrainingState state = new(1, "a");
            StateGroup group = state.AddGroup("weights");
            group.Add("w", weight);
            group.Add("h", half);
            store.Save(state);

            using TrainingCheckpoint? latest = store.OpenLatest("a", out _);
            Tensor loaded = latest!.Load(device, "weights", "w", new Shape(2, 3));
            Assert.Equal(weight.ToArray(), loaded.ToArray());
            Assert.Equal(12, latest.Load(device, "weights", "h", new Shape(2, 3), DType.BF16).Bytes);

            string file = Path.Combine(latest.Folder, "weights.safetensors");
            Assert.Equal(
                $"{file}: tensor 'w' is F32 [2, 3], F32 [3, 2] is wanted; it was saved with other settings",
                Assert.Throws<TrainingStateException>(
                    () => latest.Load(device, "weights", "w", new Shape(3, 2))).Message);
            Assert.Equal(
                $"{file}: tensor 'x' is missing; it was saved with other settings",
                Assert.Throws<TrainingStateException>(
                    () => latest.Load(device, "weights", "x", new Shape(3, 2))).Message);
            Assert.Contains(
                "has no group of tensors 'ema', only weights",
                Assert.Throws<TrainingStateException>(() => latest.Group("ema")).Message, StringComparison.Ordinal);
        }

        Assert.Equal(0, device.BlocksInUse);
    }

    [Fact]
    public void A_save_holds_one_tensor_at_a_time()
    {
        const int Tensors = 24, Floats = 1 << 20;
        using Device device = Devices.Cpu(threads: 1);
        using TensorScope scope = TensorScope.Enter();
        using TrainingStore store = TrainingStore.Open(_scratch.Root);
        TrainingState state = new(1, "a");
        StateGroup group = state.AddGroup("weights");
        for (int i = 0; i < Tensors; i++)
        {
            group.Add($"w{i}", Tensor.Zeros(device, new Shape(Floats)));
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        store.Save(state);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        // One tensor of 4 MiB, the buffers of the files and small things; all weights are 96 MiB.
        Assert.InRange(allocated, 4 * Floats, 8 * Floats + (1 << 20));
    }

    [Fact]
    public void Another_architecture_is_not_used()
    {
        SampleState.Save(_scratch.Root, 1);
        using TrainingStore store = TrainingStore.Open(_scratch.Root);
        store.Save(SampleState.Make(2, "wide control"));

        using TrainingCheckpoint? latest = store.OpenLatest(SampleState.Architecture, out IReadOnlyList<string> said);
        SampleState.AssertHolds(latest!, 1);
        Assert.Equal(
            ["step-00000002 is of another architecture: 'wide control', 'tiny control' is wanted"], said);
        Assert.Equal(
            $"{Path.Combine(_scratch.Root, "checkpoints")}: none of 2 checkpoints can be used; begin anew in another " +
            "folder. step-00000002 is of another architecture: 'wide control', 'x' is wanted; " +
            "step-00000001 is of another architecture: 'tiny control', 'x' is wanted",
            Assert.Throws<TrainingStateException>(() => store.OpenLatest("x", out _)).Message);
    }

    [Fact]
    public void Checkpoints_that_could_not_be_used_do_not_push_out_good_ones()
    {
        SampleState.Save(_scratch.Root, 10, 20);
        File.Delete(_scratch.Path("checkpoints", "step-00000020", "ema.safetensors"));
        using TrainingStore store = TrainingStore.Open(_scratch.Root);
        store.OpenLatest(SampleState.Architecture, out _)!.Dispose();
        store.Save(SampleState.Make(15));
        Assert.Equal([20, 15, 10], store.Steps);

        // Trained on to the step that was damaged: it is replaced, and counts again.
        store.Save(SampleState.Make(20));
        Assert.Equal([20, 15], store.Steps);
        using TrainingCheckpoint? latest = store.OpenLatest(SampleState.Architecture, out IReadOnlyList<string> said);
        Assert.Empty(said);
        SampleState.AssertHolds(latest!, 20);
    }

    [Fact]
    public void A_tensor_that_gives_too_few_bytes_leaves_nothing_behind()
    {
        SampleState.Save(_scratch.Root, 1);
        using TrainingStore store = TrainingStore.Open(_scratch.Root);
        TrainingState state = SampleState.Make(2);
        state.AddGroup("short").Add("w", DType.F32, [4], () => new byte[15]);
        Assert.Throws<SafeTensorsException>(() => store.Save(state));
        Assert.Equal([1], store.Steps);
        Assert.Single(Directory.GetFileSystemEntries(_scratch.Path("checkpoints")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("..")]
    [InlineData("a/b")]
    [InlineData("Weights")]
    [InlineData("weights")]
    [InlineData("w\n")]
    public void Names_of_groups_are_file_names_and_used_once(string name)
    {
        TrainingState state = new(0, "a");
        state.AddGroup("weights");
        Assert.Throws<ArgumentException>(() => state.AddGroup(name));
    }
}
