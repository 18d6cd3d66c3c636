using System;
using System.IO;
using System.Threading.Tasks;
using ControlNet.Native.Tests.Support;
using Xunit;
using Xunit.Abstractions;

namespace ControlNet.Native.Tests.Cli;

/// <summary>
/// A CUDA device that dies, from end to end. Needs <c>CONTROLNET_CUDA_LIB</c> to name the library that
/// <c>tools/emulated-cuda/build.sh</c> makes; without it a test prints that and ends.
/// </summary>
public sealed class EmulatedCudaTests(ITestOutputHelper output) : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_launch_that_goes_astray_ends_the_command_with_one_sentence()
    {
        if (!EmulatedCuda.IsThere(output))
        {
            return;
        }

        CliRun run = await Generate(("EMULATED_CUDA_FAILS_AT", "300"), ("CONTROLNET_SELF_TEST", "none"));
        Assert.Equal((2, ""), (run.ExitCode, run.Output));
        string sentence = Assert.Single(run.ErrorLines, line => line.StartsWith("error: ", StringComparison.Ordinal));
        Assert.Matches(
            @"^error: cuda:0: cu\w+ for kernel .+ failed with CUDA_ERROR_ILLEGAL_ADDRESS \(700\) and the device can " +
            "do nothing more; dispose what is on it and go on with another device, or start the process again$",
            sentence);
        Assert.False(File.Exists(_folder.Path("out.png")));
    }

    [Fact]
    public async Task A_device_that_dies_in_its_self_test_is_warned_of_before_it_refuses()
    {
        if (!EmulatedCuda.IsThere(output))
        {
            return;
        }

        CliRun run = await Generate(("EMULATED_CUDA_FAILS_AT", "3"), ("CONTROLNET_KERNEL_CACHE", _folder.Root));
        Assert.Equal((2, ""), (run.ExitCode, run.Output));
        Assert.Equal(
            "cuda:0 is new with this driver: its kernels are built and tested, which may take a minute",
            run.ErrorLines[0]);
        Assert.Matches(
            "^warning: cuda:0 \\(emulated GPU .*\\) cannot run .+ failed with CUDA_ERROR_ILLEGAL_ADDRESS",
            run.ErrorLines[1]);
        Assert.Matches("^error: cuda:0 can do nothing more since cu", run.ErrorLines[^1]);
    }

    [Fact]
    public async Task A_recorded_launch_that_goes_astray_ends_the_command_likewise()
    {
        if (!EmulatedCuda.IsThere(output))
        {
            return;
        }

        // Some 700 launches load the model and make the first step, the other steps are replayed.
        CliRun run = await Generate(
            steps: 6, ("EMULATED_CUDA_FAILS_AT", "1400"), ("CONTROLNET_SELF_TEST", "none"));
        Assert.Equal((2, ""), (run.ExitCode, run.Output));
        string sentence = Assert.Single(run.ErrorLines, line => line.StartsWith("error: ", StringComparison.Ordinal));
        Assert.Matches(
            @"^error: cuda:0: cuLaunchKernel for kernel one \(of a recorded step, CONTROLNET_SYNC=1 tells which\) or " +
            @"before it .+ failed with CUDA_ERROR_ILLEGAL_ADDRESS \(700\) and the device can do nothing more;",
            sentence);
    }

    private Task<CliRun> Generate(params (string Name, string Value)[] variables) => Generate(2, variables);

    private Task<CliRun> Generate(int steps, params (string Name, string Value)[] variables) => CliRun.With(
        variables, "generate", "--model", "tests/Golden/models/sd1-tiny", "--prompt", "a red cat", "--width", "40",
        "--height", "24", "--steps", $"{steps}", "--device", "cuda:0", "--output", _folder.Path("out.png"));
}
