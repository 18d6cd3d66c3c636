using System;
using System.IO;
using System.Threading.Tasks;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Cli;

/// <summary><c>controlnet verify</c>: the exit code tells a script what the table tells a reader.</summary>
public sealed class VerifyTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public VerifyTests() => _folder.CopyGolden("rng");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_folder_within_its_limits_ends_with_0()
    {
        CliRun run = await CliRun.Of("verify", _folder.Root);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Matches(@"rng/torch_cpu\.safetensors .* ok", run.Output);
        Assert.Contains(", 0 failed, ", run.Output);
    }

    [Fact]
    public async Task A_falsified_expectation_ends_with_1_and_is_named()
    {
        // The last element of the last tensor, whatever it is: its exponent becomes another.
        string path = _folder.Path("rng", "torch_cpu.safetensors");
        byte[] file = File.ReadAllBytes(path);
        file[^2] ^= 0x7f;
        File.WriteAllBytes(path, file);
        CliRun run = await CliRun.Of("verify", _folder.Root);
        Assert.Equal((1, ""), (run.ExitCode, run.Error));
        Assert.Contains("FAILED rng/torch_cpu.safetensors: ", run.Output);
        Assert.Matches(@"rng/philox_cuda\.safetensors .* ok", run.Output);
    }

    [Fact]
    public async Task A_broken_file_is_a_failure_and_not_a_crash()
    {
        File.WriteAllText(_folder.Path("rng", "torch_cpu.safetensors"), "no tensors here");
        CliRun run = await CliRun.Of("verify", _folder.Root, "--filter", "TORCH_CPU.safe");
        Assert.Equal((1, ""), (run.ExitCode, run.Error));
        Assert.Contains("FAILED rng/torch_cpu.safetensors: RngCheck: ", run.Output);
        Assert.DoesNotContain("philox", run.Output);
    }

    [Fact]
    public async Task Files_that_no_check_reads_are_listed_and_cost_nothing()
    {
        File.WriteAllText(_folder.Path("rng", "future.safetensors"), "");
        CliRun run = await CliRun.Of("verify", _folder.Root, "--filter", "rng/");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("not covered: rng/future.safetensors: no check reads it", run.Output);
    }
}
