using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Tapes;

/// <summary>
/// Every public operation, called with a wanted input under a tape, leads to its gradient or refuses: a new one without
/// either would cut gradients off in silence.
/// </summary>
public sealed class OpsUnderTapeTests
{
    /// <summary>By name and the types of what is no tensor in it; the first argument is wanted.</summary>
    private static readonly Dictionary<string, Func<Tensor, Tensor?>> s_gives = new()
    {
        ["Conv2d(Tensor)"] = x => Ops.Conv2d(x, Like(x, 4, 3, 1, 1)),
        ["Linear(Tensor)"] = x => Ops.Linear(x, Like(x, 4, 3)),
        ["LinearGeglu(Tensor)"] = x => Ops.LinearGeglu(x, Like(x, 4, 3)),
        ["MatMul"] = x => Ops.MatMul(x, Like(x, 3, 4)),
        ["GroupNorm"] = x => Ops.GroupNorm(x, Like(x, 3), Like(x, 3), 1),
        ["LayerNorm"] = x => Ops.LayerNorm(x, Like(x, 3), Like(x, 3)),
        ["Attention"] = x => Ops.Attention(x.Reshape(1, 8, 3), Like(x, 1, 2, 3), Like(x, 1, 2, 3), 1),
        ["Permute"] = x => Ops.Permute(x, 3, 2, 1, 0),
        ["ToChannelsLast"] = Ops.ToChannelsLast,
        ["ToChannelsFirst"] = Ops.ToChannelsFirst,
        ["Concat"] = x => Ops.Concat(0, x, x),
        ["Slice"] = x => Ops.Slice(x, 1, 0, 1),
        ["UpsampleNearest"] = x => Ops.UpsampleNearest(x, 4, 4),
        ["GatherRows"] = x => Ops.GatherRows(
            x.Reshape(8, 3), Tensor.From(new Device(x.Backend), new Shape(2), [1, 5])),
        ["Add"] = x => Ops.Add(x, Like(x, 3)),
        ["Subtract"] = x => Ops.Subtract(x, Like(x, 3)),
        ["Multiply"] = x => Ops.Multiply(x, Like(x, 3)),
        ["Scale"] = x => Ops.Scale(x, 2f),
        ["LinearCombination"] = x => Ops.LinearCombination((2f, x), (3f, x)),
        ["Activate"] = x => Ops.Activate(x, Activation.Silu),
        ["Geglu"] = x => Ops.Geglu(x.Reshape(4, 6)),
        ["Sum"] = x => Ops.Sum(x, 0),
        ["Mean"] = x => Ops.Mean(x, 0),
        ["Softmax"] = x => Ops.Softmax(x),
        ["MeanSquaredError"] = x => Ops.MeanSquaredError(x, Like(x, 2, 2, 2, 3)),
    };

    private static readonly Dictionary<string, Action<Tensor>> s_refuses = new()
    {
        ["Conv2d(PackedWeight)"] = x =>
        {
            using PackedWeight packed = Ops.PackConv2d(Like(x, 4, 3, 1, 1), DType.F32);
            Ops.Conv2d(x, packed);
        },
        ["Linear(PackedWeight)"] = x =>
        {
            using PackedWeight packed = Ops.PackLinear(Like(x, 4, 3), DType.F32);
            Ops.Linear(x, packed);
        },
        ["LinearGeglu(PackedWeight)"] = x =>
        {
            using PackedWeight packed = Ops.PackLinear(Like(x, 4, 3), DType.F32);
            Ops.LinearGeglu(x, packed);
        },
        ["PackConv2d"] = x => Ops.PackConv2d(x.Reshape(8, 3, 1, 1), DType.F32).Dispose(),
        ["PackLinear"] = x => Ops.PackLinear(x.Reshape(8, 3), DType.F32).Dispose(),
        ["Cast"] = x => Ops.Cast(x, DType.F16),
        ["Norm"] = x => Ops.Norm(x),
        ["AdamW"] = x => Ops.AdamW(x, x, x, x, 1, new AdamWSettings()),
        ["MovingAverage"] = x => Ops.MovingAverage(x, x, 0.5),
    };

    /// <summary>These take shapes, not tensors.</summary>
    private static readonly string[] s_without = ["PackedConv2dBytes"];

    [Fact]
    public void Every_public_operation_has_been_decided_about()
    {
        IEnumerable<MethodInfo> methods = typeof(Ops).GetMethods(
            BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly);
        string[] names = [.. methods.Select(Name).Distinct().Order(StringComparer.Ordinal)];
        Assert.Equal(
            [.. s_gives.Keys.Concat(s_refuses.Keys).Concat(s_without).Order(StringComparer.Ordinal)], names);
    }

    [Theory]
    [MemberData(nameof(Giving))]
    public void Leads_to_a_gradient(string op)
    {
        using Device cpu = TestDevice.Open(1);
        using (TensorScope scope = TensorScope.Enter())
        {
            Tensor x = Wanted(cpu);
            using Tape tape = Tape.Record();
            Tensor y = s_gives[op](x)!;
            using Gradients gradients = tape.Backward(y, y.Like(RandomFloats.Uniform(y.Shape.Count, 3)));
            Assert.Contains(gradients[x].ToArray(), v => v != 0);
            Assert.Equal(x.Shape, gradients[x].Shape);
        }

        Assert.Equal(0, cpu.BlocksInUse);
    }

    [Theory]
    [MemberData(nameof(Refusing))]
    public void Refuses(string op)
    {
        using Device cpu = TestDevice.Open(1);
        using (TensorScope scope = TensorScope.Enter())
        {
            Tensor x = Wanted(cpu);
            using Tape tape = Tape.Record();
            string message = Assert.Throws<TapeException>(() => s_refuses[op](x)).Message;
            Assert.StartsWith(op.Split('(')[0] + ": ", message);
        }

        Assert.Equal(0, cpu.BlocksInUse);
    }

    public static TheoryData<string> Giving => [.. s_gives.Keys];

    public static TheoryData<string> Refusing => [.. s_refuses.Keys];

    /// <summary>The type of the weight tells apart what is packed and what is not.</summary>
    private static string Name(MethodInfo method) =>
        method.Name is nameof(Ops.Conv2d) or nameof(Ops.Linear) or nameof(Ops.LinearGeglu)
        ? $"{method.Name}({method.GetParameters()[1].ParameterType.Name})"
        : method.Name;

    private static Tensor Wanted(Device device) =>
        Tensor.From(device, new Shape(2, 2, 2, 3), RandomFloats.Uniform(24, 1)).RequireGradient();

    private static Tensor Like(Tensor x, params int[] extents) =>
        Tensor.From(new Device(x.Backend), new Shape(extents), RandomFloats.Uniform(new Shape(extents).Count, 2));
}
