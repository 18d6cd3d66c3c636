using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using ControlNet.Verification;
using ControlNet.Verification.Checks;
using Xunit;

namespace ControlNet.Native.Tests.Sampling;

public sealed class SchedulersCheckTests
{
    [Fact]
    public void Every_scheduler_of_the_reference_is_reproduced()
    {
        List<GoldenResult> results = Run(Repository.Golden());
        Assert.Equal(54, results.Select(result => result.Case.Split('/')[0]).Distinct().Count());
        Assert.True(results.Count > 54 * 7, $"only {results.Count} comparisons were made");
        Assert.All(results, result => Assert.True(
            result.Passed, $"{result.Case}: error {result.Error:e2}, limit {result.Limit:e2} {result.Problem}"));
    }

    [Fact]
    public void A_falsified_expectation_fails()
    {
        string folder = Directory.CreateTempSubdirectory("schedulers").FullName;
        try
        {
            Directory.CreateDirectory(Path.Combine(folder, "outputs"));
            byte[] tensors = File.ReadAllBytes(Repository.Golden("outputs", "schedulers.safetensors"));

            // The last 4 KB hold whole trajectories; a changed sign bit is a wrong number whichever it is.
            for (int at = tensors.Length - 1; at > tensors.Length - 4096; at -= 4)
            {
                tensors[at] ^= 0x80;
            }

            File.WriteAllBytes(Path.Combine(folder, "outputs", "schedulers.safetensors"), tensors);
            File.Copy(
                Repository.Golden("outputs", "schedulers.json"), Path.Combine(folder, "outputs", "schedulers.json"));
            List<GoldenResult> results = Run(folder);
            Assert.Contains(results, result => !result.Passed && result.Error > result.Limit);
            Assert.Contains(results, result => result.Passed);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static List<GoldenResult> Run(string root)
    {
        using Device device = Devices.Cpu(threads: 1);
        GoldenContext context = new(root, device);
        SchedulersCheck check = new();
        List<GoldenResult> results = [.. check.Files(context).SelectMany(file => check.Run(context, file))];
        Assert.Empty(check.Files(context).SelectMany(file => check.NotCovered(context, file)));
        Assert.Equal(0, device.BlocksInUse);
        return results;
    }
}
