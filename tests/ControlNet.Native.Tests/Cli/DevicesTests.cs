using System;
using System.IO;
using System.Threading.Tasks;
using ControlNet.Native.Tests.Support;
using Xunit;

namespace ControlNet.Native.Tests.Cli;

/// <summary>Whatever is wrong with a driver, devices are listed, and what was not asked for is not used.</summary>
public sealed class DevicesTests
{
    private static readonly (string, string)[] s_none =
        [("CONTROLNET_CUDA_LIB", "none"), ("CONTROLNET_OPENCL_LIB", "none")];

    [Fact]
    public async Task Without_libraries_the_cpu_is_left_and_the_others_have_reasons()
    {
        CliRun run = await CliRun.With(s_none, "devices");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Matches(@"cpu +\S.*iB", run.Output);
        Assert.Matches(@"cuda .*not usable: switched off by the environment", run.Output);
        Assert.Matches(@"opencl .*not usable: switched off by the environment", run.Output);
    }

    [Fact]
    public async Task Broken_libraries_are_absent_devices()
    {
        using ScratchFolder folder = new();
        string broken = folder.Path("broken.so");
        await File.WriteAllTextAsync(broken, "no library");
        string other = OperatingSystem.IsLinux() ? "libm.so.6" : broken;
        CliRun run = await CliRun.With([("CONTROLNET_CUDA_LIB", other), ("CONTROLNET_OPENCL_LIB", broken)], "devices");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Matches(@"opencl .*not usable: .*does not", run.Output);
        if (OperatingSystem.IsLinux())
        {
            Assert.Matches(@"cuda .*not usable: the library is not a CUDA driver", run.Output);
        }
    }

    [Fact]
    public async Task Without_libraries_there_is_nothing_to_test()
    {
        CliRun run = await CliRun.With(s_none, "devices", "--self-test");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains("there is nothing beside the CPU to test", run.Output);
    }

    [Fact]
    public async Task Without_libraries_there_is_nothing_to_tune()
    {
        CliRun run = await CliRun.With(s_none, "devices", "--tune");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains("there is no OpenCL device to tune", run.Output);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("3601")]
    public async Task Time_for_tuning_is_within_an_hour(string seconds)
    {
        CliRun run = await CliRun.With(s_none, "devices", "--tune", "--tune-seconds", seconds);
        Assert.Equal(2, run.ExitCode);
        Assert.Equal(
            $"error: --tune-seconds is {seconds}, but must be above 0 and up to 3600", Assert.Single(run.ErrorLines));
    }

    [Theory]
    [InlineData("opencl:0", "there is no device 'opencl:0': switched off by the environment; there is 'cpu', 'auto'")]
    [InlineData("cuda:3", "there is no device 'cuda:3': switched off by the environment; there is 'cpu', 'auto'")]
    [InlineData("tpu", "there is no device 'tpu'; there is 'cpu', 'auto'")]
    public async Task A_device_that_is_not_there_is_never_replaced(string device, string sentence)
    {
        CliRun run = await CliRun.With(s_none, "verify", "tests/Golden", "--device", device);
        Assert.Equal(2, run.ExitCode);
        Assert.Equal($"error: {sentence}", Assert.Single(run.ErrorLines));
    }

    [Fact]
    public async Task Without_a_gpu_the_best_device_is_the_cpu()
    {
        CliRun run = await CliRun.With(
            s_none, "verify", "tests/Golden", "--filter", "geglu", "--device", "auto");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
    }
}
