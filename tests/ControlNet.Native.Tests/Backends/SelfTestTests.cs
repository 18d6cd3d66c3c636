using System;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tensors.Gpu;
using ControlNet.Native.Tests.Support;
using Xunit;
using Xunit.Abstractions;

namespace ControlNet.Native.Tests.Backends;

/// <summary>A driver that computes wrong is found, named and remembered.</summary>
[Collection(OpenClUnderTest.Collection)]
public sealed class SelfTestTests(ITestOutputHelper output)
{
    [Fact]
    public void A_device_that_computes_nothing_is_warned_of_in_one_sentence()
    {
        CountingGpu gpu = new(1L << 30);
        using Device device = new(new GpuBackend(gpu));
        SelfTestReport report = Devices.SelfTestKeptIn(new(null), device, anew: false, CancellationToken.None);
        Assert.All(report.Results, result =>
        {
            Assert.Equal((1.0, false), (result.Error, result.Passed));
            Assert.Null(result.Failure);
        });
        Assert.Equal(
            $"test:0 (counts) computes a matrix product wrong: its error is 1, the limit is 2e-05 (and " +
            $"{report.Results.Count - 1} more of {report.Results.Count} operations failed); do not trust its images: " +
            "use another device or update the driver, and let 'controlnet verify' compare everything",
            report.Warning);
        Assert.False(report.Passed);
        Assert.Equal((0, 0), (device.BlocksInUse, device.BytesInUse));

        // Every block is a small one: the test costs a device no memory.
        Assert.Equal(2L << 20, device.PeakBytes);
    }

    [Fact]
    public void What_was_found_is_remembered_until_it_is_asked_for_anew()
    {
        using ScratchFolder folder = new();
        KernelCache cache = new(folder.Root);
        CountingGpu gpu = new(1L << 30);
        using Device device = new(new GpuBackend(gpu));
        SelfTestReport first = Devices.SelfTestKeptIn(cache, device, anew: false, CancellationToken.None);
        int launches = gpu.Launched.Count;
        SelfTestReport again = Devices.SelfTestKeptIn(cache, device, anew: false, CancellationToken.None);
        Assert.Equal((false, true, launches), (first.IsRemembered, again.IsRemembered, gpu.Launched.Count));
        Assert.Equal(first.Results, again.Results);
        Assert.Equal(first.Warning, again.Warning);
        Assert.False(Devices.SelfTestKeptIn(cache, device, anew: true, CancellationToken.None).IsRemembered);
        Assert.Equal(2 * launches, gpu.Launched.Count);

        string kept = Path.GetFileNameWithoutExtension(Assert.Single(Directory.GetFiles(folder.Root)));
        cache.Keep(kept, Encoding.UTF8.GetBytes("self-test 1\na matrix product\tsmall\t1"));
        Assert.False(Devices.SelfTestKeptIn(cache, device, anew: false, CancellationToken.None).IsRemembered);
    }

    [Fact]
    public void A_driver_that_fails_is_a_result_that_is_not_kept()
    {
        using ScratchFolder folder = new();
        FailingGpu gpu = new(1L << 30);
        using Device device = new(new GpuBackend(gpu));
        gpu.Fail(1, isLoss: true);
        SelfTestReport report = Devices.SelfTestKeptIn(
            new KernelCache(folder.Root), device, anew: false, CancellationToken.None);
        Assert.Contains("TEST_ILLEGAL_ADDRESS", report.Results.First(r => r.Failure is not null).Failure!);
        Assert.StartsWith("test:0 can do nothing more since", report.Results[^1].Failure!, StringComparison.Ordinal);
        Assert.EndsWith(
            "operations failed); use another device or update the driver, and let 'controlnet verify' compare " +
            "everything",
            report.Warning!, StringComparison.Ordinal);
        Assert.False(report.Passed);
        Assert.Empty(Directory.GetFiles(folder.Root));
        Assert.Equal((0, 0), (device.BlocksInUse, device.BytesInUse));
    }

    [Fact]
    public void The_cpu_has_nothing_to_be_held_against()
    {
        using Device cpu = Devices.Cpu(1);
        SelfTestReport report = Devices.SelfTest(cpu);
        Assert.Null(report.Warning);
        Assert.Equal((true, 0), (report.Passed, report.Results.Count));
    }

    [Fact]
    public void A_cancelled_test_throws_and_keeps_nothing()
    {
        using ScratchFolder folder = new();
        using Device device = new(new GpuBackend(new CountingGpu(1L << 30)));
        Assert.Throws<OperationCanceledException>(() => Devices.SelfTestKeptIn(
            new KernelCache(folder.Root), device, anew: false, new CancellationToken(canceled: true)));
        Assert.Empty(Directory.GetFiles(folder.Root));
    }

    [Fact]
    public void OpenCl_passes()
    {
        if (OpenClUnderTest.Find(output) is not { } found)
        {
            return;
        }

        using Device device = new(new GpuBackend(found.Open(GpuOptions.Default)));
        SelfTestReport report = Devices.SelfTestKeptIn(new(null), device, anew: true, CancellationToken.None);
        Assert.All(report.Results, result => output.WriteLine($"{result.Operation}: {result.Error:g2}"));
        Assert.Null(report.Warning);
    }
}
