using System.Linq;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.OpTests;

public sealed class GroupNormTests
{
    public static TheoryData<GroupNormCase> EdgeCases => [.. GroupNormCases.Edges()];

    [Theory]
    [MemberData(nameof(EdgeCases))]
    public void Agrees_with_the_definition(GroupNormCase call)
    {
        (float[] x, float[] gamma, float[] beta) = Values(call);
        Close.To(ReferenceGroupNorm.Forward(call, x, gamma, beta, eps: 1e-5), Run(call, x, gamma, beta), bound: 1e-6);
    }

    /// <summary>
    /// A common offset must not cost more than the offset's own rounding, which the definition sees as well.
    /// </summary>
    [Theory]
    [MemberData(nameof(EdgeCases))]
    public void Keeps_its_accuracy_when_the_mean_is_large(GroupNormCase call)
    {
        (float[] x, float[] gamma, float[] beta) = Values(call);
        float[] shifted = [.. x.Select(v => v + 10_000f)];
        Close.To(
            ReferenceGroupNorm.Forward(call, shifted, gamma, beta, eps: 1e-5), Run(call, shifted, gamma, beta),
            bound: 2e-6);
    }

    [Theory]
    [MemberData(nameof(EdgeCases))]
    public void Keeps_its_accuracy_beside_an_outlier(GroupNormCase call)
    {
        (float[] x, float[] gamma, float[] beta) = Values(call);
        x[0] = 30_000f;
        x[^1] = -20_000f;
        Close.To(ReferenceGroupNorm.Forward(call, x, gamma, beta, eps: 1e-5), Run(call, x, gamma, beta), bound: 2e-6);
    }

    [Theory]
    [MemberData(nameof(EdgeCases))]
    public void Results_do_not_depend_on_the_number_of_threads(GroupNormCase call)
    {
        (float[] x, float[] gamma, float[] beta) = Values(call);
        Assert.Equal(Run(call, x, gamma, beta, threads: 1), Run(call, x, gamma, beta, threads: 5));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_constant_gives_beta(bool rows)
    {
        GroupNormCase call = rows ? new("rows", new Shape(3, 40)) : new("image", new Shape(1, 4, 3, 64), 32);
        (float[] x, float[] gamma, float[] beta) = Values(call);
        float[] y = Run(call, [.. x.Select(_ => 7.3f)], gamma, beta);
        for (int i = 0; i < y.Length; i++)
        {
            Assert.Equal(beta[i % beta.Length], y[i], tolerance: 2e-4f);
        }
    }

    [Fact]
    public void May_write_over_its_input()
    {
        GroupNormCase call = new("in place", new Shape(2, 9, 7, 48), 4, Activation.Silu);
        (float[] x, float[] gamma, float[] beta) = Values(call);
        using Device device = TestDevice.Open(threads: 2);
        using TensorScope scope = TensorScope.Enter();
        Tensor t = Tensor.From(device, call.X, x);
        Shape channels = new(48);
        Tensor g = Tensor.From(device, channels, gamma), b = Tensor.From(device, channels, beta);
        GroupNormDims d = GroupNormDims.Infer(call.X, channels, channels, 4, 1e-5f, Activation.Silu);

        t.Backend.GroupNorm.Forward(d, t.View, g.View, b.View, t.View);

        Assert.Equal(Run(call, x, gamma, beta), t.ToArray());
    }

    [Fact]
    public void Refusals_name_both_values()
    {
        Shape x = new(1, 2, 2, 30);
        string Refusal(Shape image, Shape gamma, Shape beta, int groups, float eps = 1e-5f) =>
            Assert.Throws<ShapeException>(
                () => GroupNormDims.Infer(image, gamma, beta, groups, eps, Activation.None)).Message;

        Assert.Equal(
            "GroupNorm: 32 groups do not divide the 30 channels of x [1, 2, 2, 30]",
            Refusal(x, new Shape(30), new Shape(30), 32));
        Assert.Equal(
            "GroupNorm: x must be [N, H, W, C], got [2, 30]",
            Refusal(new Shape(2, 30), new Shape(30), new Shape(30), 3));
        Assert.Equal(
            "GroupNorm: gamma and beta must be [30] to match x [1, 2, 2, 30], got gamma [30] and beta [31]",
            Refusal(x, new Shape(30), new Shape(31), 3));
        Assert.Equal("GroupNorm: eps must be above 0, got 0", Refusal(x, new Shape(30), new Shape(30), 3, eps: 0f));
        Assert.Equal(
            "LayerNorm: gamma and beta must be [C] with C the last extent of x [2, 7], got gamma [6] and beta [6]",
            Assert.Throws<ShapeException>(
                () => GroupNormDims.InferRows(new Shape(2, 7), new Shape(6), new Shape(6), 1e-5f)).Message);
    }

    private static float[] Run(GroupNormCase call, float[] x, float[] gamma, float[] beta, int threads = 3)
    {
        using Device device = TestDevice.Open(threads);
        using TensorScope scope = TensorScope.Enter();
        Shape channels = new(call.X[-1]);
        return call.Run(
            Tensor.From(device, call.X, x), Tensor.From(device, channels, gamma),
            Tensor.From(device, channels, beta)).ToArray();
    }

    private static (float[] X, float[] Gamma, float[] Beta) Values(GroupNormCase call) =>
        (Draw.Uniform(call.X.Count, -1f, 3f), Draw.Uniform(call.X[-1], seed: 2), Draw.Uniform(call.X[-1], seed: 3));
}
