using System.IO;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using ControlNet.Verification;
using ControlNet.Verification.Checks;
using Xunit;

namespace ControlNet.Native.Tests.WeightTests;

public sealed class SafeTensorsCheckTests
{
    // The check computes nothing on a device.
    private static GoldenContext Context(string root) => new(root, null!);

    [Fact]
    public void Every_file_of_the_corpus_gets_its_verdict()
    {
        GoldenContext context = Context(Repository.Golden());
        SafeTensorsCheck check = new();
        GoldenResult[] results = [.. check.Files(context).SelectMany(file => check.Run(context, file))];
        Assert.Equal(267, results.Length);
        Assert.All(
            results, result => Assert.True(result.Passed, $"{result.Case}: {result.Problem} ({result.Error} ms)"));
    }

    [Fact]
    public void A_falsified_verdict_is_noticed()
    {
        string root = Directory.CreateTempSubdirectory().FullName;
        try
        {
            Directory.CreateDirectory(Path.Combine(root, "safetensors", "files"));
            foreach (string name in new[] { "ok_dtype_f32", "bad_len_1000" })
            {
                File.Copy(
                    Repository.Golden("safetensors", "files", $"{name}.safetensors"),
                    Path.Combine(root, "safetensors", "files", $"{name}.safetensors"));
            }

            File.WriteAllText(Path.Combine(root, "safetensors", "manifest.json"), """
                {"files": [
                  {"file": "files/ok_dtype_f32.safetensors", "verdict": "reject"},
                  {"file": "files/bad_len_1000.safetensors", "verdict": "accept"},
                  {"file": "files/ok_dtype_f32.safetensors", "verdict": "accept", "tensors":
                    [{"name": "weight", "dtype": "F32", "shape": [2, 3], "hex": "00"}]}
                ]}
                """);
            GoldenResult[] results = [.. new SafeTensorsCheck().Run(Context(root), "safetensors/manifest.json")];
            Assert.Equal(3, results.Length);
            Assert.All(results, result => Assert.False(result.Passed));
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    [Fact]
    public void Conversions_of_narrow_types_are_exact()
    {
        using Device device = Devices.Cpu();
        GoldenContext context = new(Repository.Golden(), device);
        DTypeConvertCheck check = new();
        GoldenResult[] results = [.. check.Files(context).SelectMany(file => check.Run(context, file))];
        Assert.Equal(6, results.Length);
        Assert.All(results, result => Assert.True(result.Passed, $"{result.Case}: {result.Problem}"));
    }
}
