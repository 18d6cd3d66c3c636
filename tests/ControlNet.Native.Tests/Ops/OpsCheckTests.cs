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
    /// <summary>Forward families and the number of their output tensors.</summary>
    public static TheoryData<string, int> Families => new()
    {
        { "conv2d", 21 }, { "linear", 8 }, { "matmul", 13 }, { "group_norm", 12 }, { "layer_norm", 8 },
        { "activations", 9 }, { "geglu", 2 }, { "softmax", 10 }, { "attention", 11 }, { "upsample_nearest", 7 },
        { "concat_split", 10 }, { "broadcast", 21 }, { "mse_loss", 4 }, { "embedding", 2 },
    };

    [Theory]
    [MemberData(nameof(Families))]
    public void Golden_operations_are_within_their_limits(string family, int count)
    {
        using Device device = Devices.Cpu(threads: 2);
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
    [InlineData("ops/adamw.safetensors")]
    [InlineData("ops/ema.safetensors")]
    public void What_is_not_compared_says_so(string file)
    {
        using Device device = Devices.Cpu(threads: 1);
        GoldenContext context = new(Repository.Golden(), device);
        Assert.Empty(new OpsCheck().Run(context, file));
        Assert.NotEmpty(new OpsCheck().NotCovered(context, file));
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
            using Device device = Devices.Cpu(threads: 1);

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
