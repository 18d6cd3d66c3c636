using System;
using System.IO;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using ControlNet.Verification;
using ControlNet.Verification.Checks;
using Xunit;

namespace ControlNet.Native.Tests.OpTests;

public sealed class OpsCheckTests
{
    /// <summary>Families and the number of their output tensors and gradients.</summary>
    public static TheoryData<string, int> Families => new()
    {
        { "conv2d", 83 }, { "linear", 31 }, { "matmul", 39 }, { "group_norm", 46 }, { "layer_norm", 30 },
        { "activations", 42 }, { "geglu", 6 }, { "softmax", 20 }, { "attention", 44 }, { "upsample_nearest", 14 },
        { "concat_split", 21 }, { "broadcast", 63 }, { "mse_loss", 12 }, { "embedding", 4 },
    };

    [Theory]
    [MemberData(nameof(Families))]
    public void Golden_operations_are_within_their_limits(string family, int count)
    {
        using Device device = TestDevice.Open(threads: 2);
        GoldenContext context = new(Repository.Golden(), device);
        OpsCheck check = new();
        string file = $"ops/{family}.safetensors";

        GoldenResult[] results = [.. check.Run(context, file)];

        Assert.Contains(file, check.Files(context));
        Assert.Equal(count, results.Length);
        Assert.All(results, result => Assert.True(
            result.Passed, $"{file} {result.Case}: {result.Error:g3} of {result.Limit:g3} {result.Problem}"));
        Assert.Equal(0, device.BlocksInUse);
    }

    [Theory]
    [InlineData("adamw", 45)]
    [InlineData("clip_grad_norm", 11)]
    [InlineData("ema", 9)]
    public void The_optimiser_is_within_its_limits(string family, int count)
    {
        using Device device = TestDevice.Open(threads: 2);
        GoldenResult[] results =
        [
            .. new OptimiserCheck().Run(new GoldenContext(Repository.Golden(), device), $"ops/{family}.safetensors"),
        ];
        Assert.Equal(count, results.Length);
        Assert.All(results, result => Assert.True(
            result.Passed, $"{result.Case}: {result.Error:g3} of {result.Limit:g3} {result.Problem}"));
        Assert.Equal(0, device.BlocksInUse);
    }

    /// <summary>One expected value that is off by one must fail its case and no other.</summary>
    [Theory]
    [InlineData("group_norm")]
    [InlineData("concat_split")]
    public void A_falsified_expectation_is_noticed(string family)
    {
        string root = Directory.CreateTempSubdirectory().FullName;
        try
        {
            Directory.CreateDirectory(Path.Combine(root, "ops"));
            File.Copy(Repository.Golden("ops", $"{family}.json"), Path.Combine(root, "ops", $"{family}.json"));
            byte[] bytes = File.ReadAllBytes(Repository.Golden("ops", $"{family}.safetensors"));
            Falsify(bytes, new GoldenTensors(Repository.Golden("ops", $"{family}.safetensors")));
            File.WriteAllBytes(Path.Combine(root, "ops", $"{family}.safetensors"), bytes);
            using Device device = TestDevice.Open(threads: 1);

            GoldenResult[] results =
            [
                .. new OpsCheck().Run(new GoldenContext(root, device), $"ops/{family}.safetensors"),
            ];

            Assert.Single(results, result => !result.Passed);
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    private static void Falsify(byte[] file, GoldenTensors golden)
    {
        string name = golden.Names.First(n => n.Contains("/out64.", StringComparison.Ordinal));
        byte[] tensor = golden[name].Bytes.ToArray();
        int at = file.AsSpan().IndexOf(tensor);
        BitConverter.TryWriteBytes(file.AsSpan(at), BitConverter.ToDouble(tensor) + 1);
    }
}
