using System.Linq;
using ControlNet.Native.Cases;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Contracts;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.OpTests;

public sealed class GroupNormGradientTests
{
    private const float Eps = 1e-5f;

    public static TheoryData<GroupNormCase> EdgeCases => [.. GroupNormCases.Edges()];

    /// <summary>Shapes of training with many pixels, in parts and strips.</summary>
    public static TheoryData<GroupNormCase> LargeCases =>
        [.. GroupNormCases.StableDiffusion15().Where(c => c.X.Count <= 2 * 64 * 64 * 320)];

    [Theory]
    [MemberData(nameof(EdgeCases))]
    public void Agrees_with_the_definition(GroupNormCase call) => Check(call, offset: 0, bound: 1e-6);

    [Theory]
    [MemberData(nameof(LargeCases))]
    public void Agrees_with_the_definition_at_full_size(GroupNormCase call) => Check(call, offset: 0, bound: 1e-6);

    /// <summary>
    /// A common offset must not cost more than the offset's own rounding, which the definition sees as well.
    /// </summary>
    [Theory]
    [MemberData(nameof(EdgeCases))]
    public void Keeps_its_accuracy_when_the_mean_is_large(GroupNormCase call) =>
        Check(call, offset: 10_000, bound: 3e-6);

    [Theory]
    [MemberData(nameof(EdgeCases))]
    public void Keeps_its_accuracy_beside_an_outlier(GroupNormCase call)
    {
        (float[] x, float[] gamma, float[] beta, float[] dy) = Values(call);
        x[0] = 30_000f;
        x[^1] = -20_000f;
        Compare(call, x, gamma, beta, dy, bound: 3e-6);
    }

    [Theory]
    [MemberData(nameof(EdgeCases))]
    public void Results_do_not_depend_on_the_number_of_threads(GroupNormCase call)
    {
        (float[] x, float[] gamma, float[] beta, float[] dy) = Values(call);
        float[][] one = Run(call, x, gamma, beta, dy, threads: 1);
        foreach (int threads in (int[])[2, 3, 8])
        {
            Assert.Equal(one, Run(call, x, gamma, beta, dy, threads));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_definition_is_the_slope_of_the_forward_definition(bool rows)
    {
        GroupNormCase call = rows
            ? new("rows", new Shape(3, 7))
            : new("image", new Shape(2, 2, 3, 6), 2, Activation.Silu);
        (float[] x, float[] gamma, float[] beta, float[] dy) = Values(call);
        (double[] dx, double[] dGamma, double[] dBeta) =
            ReferenceGroupNorm.Gradients(call, x, gamma, beta, dy, Eps);
        double Loss(float[] _) => CentralDifferences.Loss(
            ReferenceGroupNorm.Forward(call, x, gamma, beta, Eps), dy);
        CentralDifferences.Check(Loss, x, dx);
        CentralDifferences.Check(Loss, gamma, dGamma);
        CentralDifferences.Check(Loss, beta, dBeta);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Only_what_is_wanted_is_written_and_it_is_the_same(bool rows)
    {
        GroupNormCase call = rows
            ? new("rows", new Shape(70, 100))
            : new("image", new Shape(2, 9, 7, 48), 4, Activation.Silu);
        (float[] x, float[] gamma, float[] beta, float[] dy) = Values(call);
        float[][] all = Run(call, x, gamma, beta, dy);
        for (int wanted = 0; wanted < 8; wanted++)
        {
            float[][] some = Run(call, x, gamma, beta, dy, wanted: wanted);
            for (int i = 0; i < 3; i++)
            {
                Assert.Equal((wanted & (1 << i)) != 0 ? all[i] : [], some[i]);
            }
        }
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Dx_may_be_written_over_dy_or_x(bool rows, bool overX)
    {
        GroupNormCase call = rows
            ? new("rows", new Shape(70, 100))
            : new("image", new Shape(2, 9, 7, 48), 4, Activation.Silu);
        (float[] x, float[] gamma, float[] beta, float[] dy) = Values(call);
        float[][] expected = Run(call, x, gamma, beta, dy);
        using Device device = TestDevice.Open(threads: 2);
        using TensorScope scope = TensorScope.Enter();
        Inputs at = new(device, call, x, gamma, beta, dy);
        Tensor dx = overX ? at.X : at.DY;

        device.Backend.GroupNorm.Backward(
            at.Dims, at.X.View, at.Gamma.View, at.Beta.View, at.DY.View, dx.View, at.DGamma.View, at.DBeta.View);

        Assert.Equal(expected, [dx.ToArray(), at.DGamma.ToArray(), at.DBeta.ToArray()]);
    }

    private static void Check(GroupNormCase call, float offset, double bound)
    {
        (float[] x, float[] gamma, float[] beta, float[] dy) = Values(call);
        Compare(call, [.. x.Select(v => v + offset)], gamma, beta, dy, bound);
    }

    /// <summary>
    /// Each gradient relative to its largest element, or to what its terms could add up to where they cancel.
    /// </summary>
    private static void Compare(
        GroupNormCase call, float[] x, float[] gamma, float[] beta, float[] dy, double bound)
    {
        (double[] dx, double[] dGamma, double[] dBeta) =
            ReferenceGroupNorm.Gradients(call, x, gamma, beta, dy, Eps);
        float[][] actual = Run(call, x, gamma, beta, dy);
        if (call.X[-1] / call.Groups * (call.IsLayerNorm ? 1 : call.X[1] * call.X[2]) > 1)
        {
            Close.To(dx, actual[0], bound);
            Close.To(dGamma, actual[1], bound);
        }
        else
        {
            // One value is its own mean: all slopes are 0.
            Assert.All(actual[0].Concat(actual[1]), v => Assert.Equal(0f, v, tolerance: 1e-4f));
        }

        Close.To(dBeta, actual[2], bound);
    }

    internal static float[][] Run(
        GroupNormCase call, float[] x, float[] gamma, float[] beta, float[] dy, int threads = 3, int wanted = 7,
        float eps = Eps)
    {
        using Device device = TestDevice.Open(threads);
        using TensorScope scope = TensorScope.Enter();
        Inputs at = new(device, call, x, gamma, beta, dy, eps);
        Tensor dx = new(device.Backend, call.X);
        Tensor[] results = [dx, at.DGamma, at.DBeta];
        BufferView Wanted(int i) => (wanted & (1 << i)) != 0 ? results[i].View : BufferView.None;
        device.Backend.GroupNorm.Backward(
            at.Dims, at.X.View, at.Gamma.View, at.Beta.View, at.DY.View, Wanted(0), Wanted(1), Wanted(2));
        return [.. results.Select((r, i) => (wanted & (1 << i)) != 0 ? r.ToArray() : [])];
    }

    private static (float[] X, float[] Gamma, float[] Beta, float[] DY) Values(GroupNormCase call) =>
        (Draw.Uniform(call.X.Count, -1f, 3f), Draw.Uniform(call.X[-1], seed: 2), Draw.Uniform(call.X[-1], seed: 3),
            Draw.Uniform(call.X.Count, -1f, 1f, seed: 4));

    private sealed class Inputs
    {
        public Inputs(
            Device device, GroupNormCase call, float[] x, float[] gamma, float[] beta, float[] dy, float eps = Eps)
        {
            Shape channels = new(call.X[-1]);
            (X, DY) = (Tensor.From(device, call.X, x), Tensor.From(device, call.X, dy));
            (Gamma, Beta) = (Tensor.From(device, channels, gamma), Tensor.From(device, channels, beta));
            (DGamma, DBeta) = (new Tensor(device.Backend, channels), new Tensor(device.Backend, channels));
            Dims = call.IsLayerNorm
                ? GroupNormDims.InferRows(call.X, channels, channels, eps)
                : GroupNormDims.Infer(call.X, channels, channels, call.Groups, eps, call.Activation);
        }

        public Tensor X { get; }

        public Tensor Gamma { get; }

        public Tensor Beta { get; }

        public Tensor DY { get; }

        public Tensor DGamma { get; }

        public Tensor DBeta { get; }

        public GroupNormDims Dims { get; }
    }
}
