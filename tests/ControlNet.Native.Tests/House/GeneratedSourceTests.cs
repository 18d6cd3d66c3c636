using System;
using System.ComponentModel;
using System.Diagnostics;
using ControlNet.Native.Tests.Support;
using Xunit;
using Xunit.Abstractions;

namespace ControlNet.Native.Tests.House;

/// <summary>Generated files are what their generator writes today.</summary>
public sealed class GeneratedSourceTests(ITestOutputHelper output)
{
    [Fact]
    public void The_micro_kernels_are_what_their_generator_writes()
    {
        ProcessStartInfo start = new("python3", ["tools/kernelgen/gemm_kernels.py", "--check"])
        {
            WorkingDirectory = Repository.Root,
            RedirectStandardError = true,
        };
        try
        {
            using Process generator = Process.Start(start)!;
            string errors = generator.StandardError.ReadToEnd();
            generator.WaitForExit();
            Assert.True(generator.ExitCode == 0, errors);
        }
        catch (Win32Exception e)
        {
            output.WriteLine($"not checked: python3 does not start here ({e.Message})");
        }
    }
}
