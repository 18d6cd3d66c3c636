using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using ControlNet.Native.Tensors;
using ControlNet.Native.Training;
using Xunit;

namespace ControlNet.Native.Tests.Training;

/// <summary>A small training state whose every byte depends on its step.</summary>
internal static class SampleState
{
    public const string Architecture = "tiny control";

    private static readonly string[] s_groups = ["weights", "adamw.m", "adamw.v", "ema"];

    public static TrainingState Make(long step, string architecture = Architecture)
    {
        TrainingState state = new(step, architecture);
        state.Values.Set("data.position", 4 * step);
        state.Values.Set("seed", ulong.MaxValue - (ulong)step);
        state.Values.Set("loss", 1.0 / (step + 3));
        foreach (string group in s_groups)
        {
            StateGroup added = state.AddGroup(group);
            added.Add("input.weight", DType.F32, [3, 5], () => Bytes(group, step, 15));
            added.Add("input.bias", DType.F32, [5], () => Bytes(group, step + 1, 5));
            added.Add("half", DType.F16, [2, 2], () => Bytes(group, step + 2, 2));
        }

        return state;
    }

    /// <summary>Fails unless a checkpoint holds exactly the state of its step.</summary>
    public static void AssertHolds(TrainingCheckpoint checkpoint, long step)
    {
        Assert.Equal(step, checkpoint.Step);
        Assert.Equal(s_groups, checkpoint.Groups);
        Assert.Empty(checkpoint.Values.Differences(Make(step).Values));
        foreach (string group in s_groups)
        {
            Assert.Equal(Bytes(group, step, 15).ToArray(), checkpoint.Group(group).ReadAll("input.weight"));
            Assert.Equal(Bytes(group, step + 1, 5).ToArray(), checkpoint.Group(group).ReadAll("input.bias"));
            Assert.Equal(Bytes(group, step + 2, 2).ToArray(), checkpoint.Group(group).ReadAll("half"));
        }
    }

    /// <summary>Saves states of these steps, one after another.</summary>
    public static void Save(string folder, params IEnumerable<long> steps)
    {
        using TrainingStore store = TrainingStore.Open(folder);
        foreach (long step in steps)
        {
            store.Save(Make(step));
        }
    }

    private static ReadOnlyMemory<byte> Bytes(string group, long step, int floats)
    {
        float[] values = [.. Enumerable.Range(0, floats).Select(i => MathF.Sin(i + 7 * step + group.Length))];
        return MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
    }
}
