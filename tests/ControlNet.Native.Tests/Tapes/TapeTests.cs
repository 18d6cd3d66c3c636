using System;
using System.Collections.Generic;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Tapes;

public sealed class TapeTests : IDisposable
{
    private readonly Device _cpu = TestDevice.Open(2);
    private readonly TensorScope _scope = TensorScope.Enter();

    public void Dispose()
    {
        _scope.Dispose();
        bool usable = !Tape.IsOpen;
        long left = _cpu.BlocksInUse;
        _cpu.Dispose();
        Assert.True(usable, "the thread still has an open tape");
        Assert.Equal(0, left);
    }

    [Fact]
    public void A_tensor_used_several_times_gets_the_sum()
    {
        Tensor x = Vector(1, 2, 3).RequireGradient();
        Assert.Equal([2f, 2, 2], GradientOf(x, () => Ops.Add(x, x)));
        Assert.Equal([2f, 4, 6], GradientOf(x, () => Ops.Multiply(x, x)));
        Assert.Equal([3f, 12, 27], GradientOf(x, () => Ops.Multiply(Ops.Multiply(x, x), x)));
        Assert.Equal([0f, 0, 0], GradientOf(x, () => Ops.Subtract(x, x)));
    }

    /// <summary>The weight's kernel adds in place; what it would add to is shared with another gradient here.</summary>
    [Fact]
    public void A_weight_whose_gradient_is_shared_is_added_to_without_harm()
    {
        Tensor w = Tensor.From(_cpu, new Shape(2, 2), [1f, 2, 3, 4]).RequireGradient();
        Tensor other = Tensor.From(_cpu, new Shape(2, 2), [0f, 0, 0, 0]).RequireGradient();
        Tensor x = Tensor.From(_cpu, new Shape(2, 2), [1f, 0, 0, 1]);
        using Tape tape = Tape.Record();
        Tensor product = Ops.Linear(x, w);
        using Gradients gradients = Backward(tape, Ops.Add(product, Ops.Add(w, other)));
        Assert.Equal([2f, 2, 2, 2], gradients[w].ToArray());
        Assert.Equal([1f, 1, 1, 1], gradients[other].ToArray());
    }

    [Fact]
    public void Only_wanted_gradients_are_computed()
    {
        Tensor x = Numbers(new Shape(4, 8), 1).RequireGradient();
        Tensor frozen = Numbers(new Shape(8, 8), 2), trained = Numbers(new Shape(8, 8), 3).RequireGradient();
        using Tape tape = Tape.Record();
        Tensor unwanted = Ops.Linear(frozen, frozen);
        Assert.Null(unwanted.Variable);
        using Gradients gradients = Backward(tape, Ops.Linear(Ops.Linear(x, frozen), trained));
        Assert.Equal(2, gradients.Count);
        Assert.False(gradients.TryGet(frozen, out _));
        Assert.Throws<KeyNotFoundException>(() => gradients[frozen]);
    }

    /// <summary>What a node keeps is a part of what backward wants: x for the weight, the weight for x.</summary>
    [Fact]
    public void A_frozen_layer_does_not_keep_its_input()
    {
        Tensor frozen = Numbers(new Shape(8, 8), 2), x = Numbers(new Shape(64, 8), 1).RequireGradient();
        using Tape tape = Tape.Record();
        long before = _cpu.BlocksInUse;
        Tensor y;
        using (TensorScope inner = TensorScope.Enter())
        {
            y = inner.Keep(Ops.Linear(Ops.Linear(Ops.Scale(x, 2f), frozen), frozen));
        }

        Assert.Equal(before + 1, _cpu.BlocksInUse);
        using Gradients gradients = Backward(tape, y);
        Assert.Equal(1, gradients.Count);
    }

    [Fact]
    public void Nothing_is_recorded_without_a_tape_or_without_a_parameter()
    {
        Tensor x = Vector(1, 2).RequireGradient(), constant = Vector(3, 4);
        Assert.Null(Ops.Add(x, constant).Variable);
        using Tape tape = Tape.Record();
        Assert.Null(Ops.Add(constant, constant).Variable);
        Assert.NotNull(Ops.Add(x, constant).Variable);
    }

    [Fact]
    public void Two_tapes_add_to_one_set_of_gradients()
    {
        Tensor x = Vector(1, 2).RequireGradient(), w = Numbers(new Shape(2, 2), 4).RequireGradient();
        using Gradients sum = new();
        float[][] twice = [];
        for (int pass = 0; pass < 2; pass++)
        {
            using Tape tape = Tape.Record();
            Tensor y = Ops.Linear(Ops.Multiply(x, x).Reshape(1, 2), w);
            Assert.Same(sum, Backward(tape, y, sum));
            twice = pass == 0 ? [sum[x].ToArray(), sum[w].ToArray()] : twice;
        }

        Assert.Equal(twice[0].Select(v => 2 * v), sum[x].ToArray());
        Assert.Equal(twice[1].Select(v => 2 * v), sum[w].ToArray());
        sum.Clear();
        Assert.Equal(0, sum.Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Completion_is_told_once_with_the_final_gradient(bool recompute)
    {
        Tensor[] leaves = [.. Enumerable.Range(0, 3).Select(i => Numbers(new Shape(4, 4), i).RequireGradient())];
        Tensor x = Numbers(new Shape(4, 4), 9);
        Tensor Compute() => Ops.Add(
            Recompute.Run([x], i => Layer(Layer(i[0]!, leaves[2]), leaves[0])),
            Ops.Multiply(leaves[0], Layer(leaves[1], leaves[0])));
        float[][] final;
        using (Tape tape = Tape.Record(recompute))
        {
            using Gradients gradients = Backward(tape, Compute());
            final = [.. leaves.Select(leaf => gradients[leaf].ToArray())];
        }

        List<Tensor> told = [];
        using (Tape tape = Tape.Record(recompute))
        {
            using Gradients gradients = Backward(tape, Compute(), null, (leaf, gradient) =>
            {
                Assert.Equal(final[Array.IndexOf(leaves, leaf)], gradient.ToArray());
                told.Add(leaf);
            });
            Assert.Equal(leaves.ToHashSet(), told.ToHashSet());
            Assert.Equal(3, told.Count);
        }

        // The leaf read last is complete first: others are still to come.
        Assert.Same(leaves[1], told[0]);
    }

    /// <summary>
    /// A step in backward may change the parameter and free the gradient: nothing reads them any more.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_step_taken_in_backward_changes_no_other_gradient(bool recompute)
    {
        float[][] Run(bool inBackward)
        {
            using TensorScope scope = TensorScope.Enter();
            Tensor[] weights = [.. Enumerable.Range(0, 3).Select(i => Numbers(new Shape(4, 4), i).RequireGradient())];
            Tensor[] moments = [.. weights.SelectMany(w => new[] { Zeros(w), Zeros(w) })];
            void Step(Tensor weight, Tensor gradient)
            {
                int i = Array.IndexOf(weights, weight);
                Ops.AdamW(weight, gradient, moments[2 * i], moments[(2 * i) + 1], 1, new AdamWSettings());
            }

            using Gradients gradients = new();
            using (Tape tape = Tape.Record(recompute))
            {
                Tensor h = Numbers(new Shape(4, 4), 9);
                foreach (Tensor weight in (Tensor[])[.. weights, weights[0]])
                {
                    h = Recompute.Run([h], i => Layer(i[0]!, weight));
                }

                Backward(tape, h, gradients, inBackward
                    ? (leaf, gradient) =>
                    {
                        Step(leaf, gradient);
                        gradients.Free(leaf);
                    }
                : null);
            }

            Assert.Equal(inBackward ? 0 : 3, gradients.Count);
            foreach (Tensor weight in inBackward ? [] : weights)
            {
                Step(weight, gradients[weight]);
            }

            return [.. weights.Select(w => w.ToArray())];
        }

        Assert.Equal(Run(inBackward: false), Run(inBackward: true));
    }

    [Fact]
    public void A_tensor_of_another_tape_is_refused()
    {
        Tensor x = Vector(1, 2).RequireGradient();
        Tensor stale;
        using (Tape first = Tape.Record())
        {
            stale = Ops.Add(x, x);
        }

        using Tape second = Tape.Record();
        const string Message =
            "the tensor [2] was recorded on another tape, which cannot carry its gradient here; compute it again " +
            "under this one";
        Assert.Equal(Message, Assert.Throws<TapeException>(() => Ops.Add(stale, x)).Message);
        Assert.Equal(Message, Assert.Throws<TapeException>(() => Backward(second, stale)).Message);
    }

    [Fact]
    public void Misuse_is_refused_in_words()
    {
        Tensor x = Vector(1, 2).RequireGradient(), constant = Vector(3, 4);
        Tape tape = Tape.Record();
        string Refused(Action action) => Assert.Throws<TapeException>(action).Message;
        Assert.Equal(
            "Tape.Record: this thread has an open tape; dispose it first, tapes do not nest",
            Refused(() => Tape.Record()));
        Tensor y = Ops.Add(x, constant);
        Assert.StartsWith("Tape.Backward: the loss must be one number, got [2]", Refused(() => tape.Backward(y)));
        Assert.StartsWith(
            "Tape.Backward: [2] depends on nothing that wants a gradient",
            Refused(() => tape.Backward(constant, constant)));
        Assert.Equal(
            "Tape.Backward: the seed must be [2] like the output, got [1]",
            Assert.Throws<ShapeException>(() => tape.Backward(y, Vector(1))).Message);
        Assert.StartsWith("RequireGradient: a parameter is an F32 tensor", Refused(() => y.RequireGradient()));
        Assert.StartsWith(
            "RequireGradient: a parameter is an F32 tensor that was not computed under a tape, got F16 [2]; cast",
            Refused(() => Ops.Cast(constant, DType.F16).RequireGradient()));
        tape.Backward(y, constant).Dispose();
        const string Once =
            "Tape.Backward: a tape is run backwards once, before it is disposed; record the computation again";
        Assert.Equal(Once, Refused(() => tape.Backward(y, constant)));
        tape.Dispose();
        Tape unused = Tape.Record();
        Tensor z = Ops.Add(x, constant);
        unused.Dispose();
        Assert.Equal(Once, Refused(() => unused.Backward(z, constant)));
    }

    /// <summary>Failures inside an operation, a segment, and backward itself.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_failure_leaves_the_thread_usable(bool recompute)
    {
        Tensor x = Vector(1, 2).RequireGradient();
        using Gradients kept = new();
        using (Tape tape = Tape.Record(recompute))
        {
            Assert.Throws<ShapeException>(() => Ops.Add(x, Vector(1, 2, 3)));
            Assert.Throws<InvalidOperationException>(
                () => Recompute.Run([x], _ => throw new InvalidOperationException()));
            Tensor sum = Ops.Add(x, x);
            int calls = 0;
            Tensor failing = Recompute.Run(
                [sum], i => ++calls > 1 ? throw new InvalidOperationException() : Ops.Scale(i[0]!, 2f));
            Tensor broken = CustomGradient.Attach(
                Vector(1, 1), [failing], dy => recompute ? [dy] : throw new InvalidOperationException());
            Assert.Throws<InvalidOperationException>(() => Backward(tape, Ops.Add(broken, x), kept));
            Assert.Null(Ops.Add(x, x).Variable);
        }

        Assert.All(kept.Count == 0 ? [] : kept[x].ToArray(), v => Assert.Equal(1f, v));
        Assert.True(kept.Count <= 1);
        kept.Clear();
        Assert.Equal([2f, 2], GradientOf(x, () => Ops.Add(x, x)));
    }

    [Fact]
    public void A_custom_gradient_is_used_and_checked()
    {
        Tensor x = Vector(1, 2).RequireGradient(), unread = Vector(5).RequireGradient();
        Assert.Equal(
            [7f, 7],
            GradientOf(x, () => CustomGradient.Attach(Vector(0, 0), [x, unread], dy => [Ops.Scale(dy, 7f), null])));
        Assert.Equal(
            "CustomGradient: the gradient of input 0 must be [2], got [1]",
            Assert.Throws<ShapeException>(() => GradientOf(
                x, () => CustomGradient.Attach(Vector(0, 0), [x], _ => [Vector(1)]))).Message);
        Assert.StartsWith(
            "CustomGradient: 1 inputs need as many gradients, got 0",
            Assert.Throws<TapeException>(() => GradientOf(
                x, () => CustomGradient.Attach(Vector(0, 0), [x], _ => []))).Message);
        using Tape tape = Tape.Record();
        Assert.StartsWith(
            "CustomGradient.Attach: [2] has a gradient already",
            Assert.Throws<TapeException>(() => CustomGradient.Attach(Ops.Add(x, x), [x], dy => [dy])).Message);
    }

    private static Tensor Layer(Tensor x, Tensor weight) => Ops.Linear(x, weight, activation: Activation.Silu);

    private static Gradients Backward(
        Tape tape, Tensor y, Gradients? into = null, Action<Tensor, Tensor>? whenComplete = null)
    {
        using Tensor ones = y.Like([.. Enumerable.Repeat(1f, (int)y.Shape.Count)]);
        return tape.Backward(y, ones, into, whenComplete);
    }

    private static float[] GradientOf(Tensor x, Func<Tensor> compute)
    {
        using Tape tape = Tape.Record();
        using Gradients gradients = Backward(tape, compute());
        return gradients[x].ToArray();
    }

    private Tensor Vector(params float[] values) => Tensor.From(_cpu, new Shape(values.Length), values);

    private Tensor Numbers(Shape shape, int seed) =>
        Tensor.From(_cpu, shape, RandomFloats.Uniform(shape.Count, seed));

    private Tensor Zeros(Tensor like) => Tensor.Zeros(_cpu, like.Shape);
}
