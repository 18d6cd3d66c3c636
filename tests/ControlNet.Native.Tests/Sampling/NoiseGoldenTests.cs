using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ControlNet.Native.Tests.Support;
using ControlNet.Verification;
using ControlNet.Verification.Checks;
using Xunit;

namespace ControlNet.Native.Tests.Sampling;

public class NoiseGoldenTests
{
    // Noise is made on the host.
    private static GoldenContext Context(string root) => new(root, null!);

    [Theory]
    [InlineData("rng/torch_cpu.safetensors")]
    [InlineData("rng/torch_cpu.json")]
    [InlineData("rng/philox_cuda.safetensors")]
    [InlineData("rng/philox_cuda.json")]
    public void Every_recorded_number_is_reproduced(string file)
    {
        List<GoldenResult> results = [.. new RngCheck().Run(Context(Repository.Golden()), file)];

        Assert.NotEmpty(results);
        Assert.All(
            results, r => Assert.True(r.Passed, $"{r.Case}: error {r.Error:e2}, limit {r.Limit:e2}, {r.Problem}"));
    }

    /// <summary>A tensor that no case names would be passed over in silence.</summary>
    [Fact]
    public void Every_recorded_tensor_is_compared()
    {
        GoldenContext context = Context(Repository.Golden());
        HashSet<string> compared =
            [.. new RngCheck().Run(context, "rng/torch_cpu.safetensors").Select(result => result.Case)];
        compared.SymmetricExceptWith(context.Tensors("rng/torch_cpu.safetensors").Names);
        Assert.Empty(compared);

        compared = [.. new RngCheck().Run(context, "rng/philox_cuda.safetensors").Select(result => result.Case)];
        string[] inputs = ["block.ctr", "block.key", "block.out", "wrap.index"];
        Assert.Empty(context.Tensors("rng/philox_cuda.safetensors").Names.Except(inputs).Except(compared));
        Assert.Contains("block", compared);
    }

    /// <summary>The last bytes of each file belong to its last tensor; setting them makes the value wrong.</summary>
    [Theory]
    [InlineData("torch_cpu")]
    [InlineData("philox_cuda")]
    public void A_falsified_number_fails(string name)
    {
        string root = Directory.CreateTempSubdirectory("controlnet-rng-").FullName;
        try
        {
            Directory.CreateDirectory(Path.Combine(root, "rng"));
            byte[] tensors = File.ReadAllBytes(Repository.Golden("rng", $"{name}.safetensors"));
            tensors.AsSpan(tensors.Length - 4).Fill(0x3E);
            File.WriteAllBytes(Path.Combine(root, "rng", $"{name}.safetensors"), tensors);
            File.Copy(Repository.Golden("rng", $"{name}.json"), Path.Combine(root, "rng", $"{name}.json"));

            Assert.Single(
                new RngCheck().Run(Context(root), $"rng/{name}.safetensors"), result => !result.Passed);
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }
}
