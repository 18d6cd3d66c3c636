using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ControlNet.Native.Tensors;
using ControlNet.Native.Tests.Support;
using ControlNet.Verification;
using Xunit;

namespace ControlNet.Native.Tests.Cli;

/// <summary>The suite must never report a success that it has not seen.</summary>
public sealed class GoldenSuiteTests : IDisposable
{
    private readonly ScratchFolder _folder = new();
    private readonly Device _device = Devices.Cpu(1);

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void A_file_sums_up_its_comparisons()
    {
        GoldenFileReport report = RunOne(
            new GoldenResult("a/x", 1e-6, 1e-5), new GoldenResult("a/y", 4e-6, 1e-5), new GoldenResult("b", 0, 0));
        Assert.True(report.Passed);
        Assert.Equal((2, 3), (report.Cases, report.Compared));
        Assert.Equal("a/y", report.Worst!.Case);
        Assert.Equal(0.4, GoldenFileReport.RatioToLimit(report.Worst), 12);
    }

    [Theory]
    [InlineData(1.001, 1)]
    [InlineData(double.NaN, 1)]
    [InlineData(1e-30, 0)]
    public void Beyond_the_limit_fails(double error, double limit)
    {
        GoldenFileReport report = RunOne(new GoldenResult("good", 0, 1), new GoldenResult("bad", error, limit));
        Assert.False(report.Passed);
        Assert.Equal("bad", Assert.Single(report.Failures).Case);
        Assert.Equal("bad", report.Worst!.Case);
    }

    [Fact]
    public void An_exception_inside_a_check_is_a_failure_and_keeps_what_was_compared()
    {
        GoldenFileReport report = Run(new Scripted("ops/a.safetensors", Throwing()));
        Assert.Equal(2, report.Compared);
        Assert.Equal(
            "InvalidDataException after 1 comparisons: the golden file has no tensor 'y'",
            Assert.Single(report.Failures).Problem);
    }

    [Fact]
    public void Silence_is_a_failure_and_a_stated_reason_is_not()
    {
        Assert.Equal(
            "made no comparison in this file and gave no reason",
            Assert.Single(RunOne().Failures).Problem);
        GoldenFileReport stated = Run(new Scripted("ops/a.safetensors", [], "needs the vocabulary"));
        Assert.Equal((true, 0), (stated.Passed, stated.Compared));
        Assert.Equal("needs the vocabulary", Assert.Single(stated.NotCovered));
    }

    [Fact]
    public void Two_checks_of_one_file_are_both_heard()
    {
        Scripted good = new("ops/a.safetensors", [new GoldenResult("x", 0, 0)]);
        GoldenFileReport report = Run(good, new Scripted("ops/a.safetensors", []));
        Assert.Equal((2, 1), (report.Compared, report.Failures.Count));
    }

    [Fact]
    public void Files_are_sorted_into_covered_without_check_missing_and_set_aside()
    {
        foreach (string file in new[]
        {
            "README.md", "ops/a.safetensors", "ops/a.json", "ops/b.safetensors", "ops/lr_schedules.json",
            "outputs/mutations.json", "models/tiny/unet/config.json", "png/valid/a.png", "png/hostile/b.png",
            "png/hostile.json",
        })
        {
            File.WriteAllText(_folder.Path(file), "{}");
        }

        GoldenSuite suite = new(
            new GoldenContext(_folder.Root, _device),
            [new Scripted("ops/a.safetensors", []), new Scripted("png/valid.safetensors", [])]);
        Assert.Equal(["ops/a.safetensors"], suite.Covered);
        Assert.Equal(["png/valid.safetensors"], suite.Missing);

        // The picture whose list is missing is not set aside; the one with a list is.
        Assert.Equal(
            ["ops/b.safetensors", "ops/lr_schedules.json", "png/hostile.json", "png/valid/a.png"], suite.WithoutCheck);
        Assert.Equal(
            ["README.md", "models/tiny/unet/config.json", "ops/a.json", "outputs/mutations.json", "png/hostile/b.png"],
            suite.Ignored.Select(ignored => ignored.File));
        Assert.All(suite.Ignored, ignored => Assert.NotEmpty(ignored.Reason));

        GoldenSuite filtered = new(
            new GoldenContext(_folder.Root, _device), [new Scripted("ops/a.safetensors", [])], filter: "OPS/B");
        Assert.Empty(filtered.Covered);
        Assert.Equal(["ops/b.safetensors"], filtered.WithoutCheck);
    }

    [Fact]
    public void Every_registered_check_names_a_file_of_the_golden_folder()
    {
        GoldenContext context = new(Repository.Golden(), _device);
        GoldenFolder golden = new(context.Root);
        Assert.All(
            GoldenChecks.All,
            check => Assert.Contains(check.Files(context), file => golden.Present.Contains(file)));
    }

    private static IEnumerable<GoldenResult> Throwing()
    {
        yield return new GoldenResult("x", 0, 0);
        throw new InvalidDataException("the golden file has no tensor 'y'");
    }

    private GoldenFileReport RunOne(params GoldenResult[] results) => Run(new Scripted("ops/a.safetensors", results));

    private GoldenFileReport Run(params GoldenCheck[] checks)
    {
        File.WriteAllText(_folder.Path("ops", "a.safetensors"), "never read");
        return new GoldenSuite(new GoldenContext(_folder.Root, _device), checks).Run("ops/a.safetensors");
    }

    private sealed class Scripted(string file, IEnumerable<GoldenResult> results, string? notCovered = null)
        : GoldenCheck
    {
        public override IEnumerable<string> Files(GoldenContext context) => [file];

        public override IEnumerable<GoldenResult> Run(GoldenContext context, string file) => results;

        public override IEnumerable<string> NotCovered(GoldenContext context, string file) =>
            notCovered is null ? [] : [notCovered];
    }
}
